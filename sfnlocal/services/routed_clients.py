"""botocore's clients, without the work on a request that nobody sends.

A call of a routed service is answered from its parameters, in the event before the request would be
sent. All of botocore's own path to there and back stays (events, checked parameters, exceptions);
only the request itself, of its endpoint, headers and body, is not made: that takes longer than
the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.client import BaseClient
from botocore.model import OperationModel, ServiceModel

from sfnlocal.services.parameter_check import parameter_check


class RoutedClient(BaseClient):
    """The first base of each client's class. `route_of` is asked in each call: None where the
    service is not answered here."""

    route_of: Callable[[ServiceModel], str | None]

    def _resolve_endpoint_ruleset(
        self,
        operation_model: OperationModel,
        params: dict[str, Any],
        request_context: dict[str, Any],
        ignore_signing_region: bool = False,
    ) -> Any:
        # Whoever ignores it signs a URL for others.
        if self.route_of(operation_model.service_model) and not ignore_signing_region:
            return self.meta.endpoint_url, {}, {}
        return super()._resolve_endpoint_ruleset(  # type: ignore[misc]
            operation_model, params, request_context, ignore_signing_region
        )

    def _convert_to_request_dict(
        self,
        api_params: dict[str, Any],
        operation_model: OperationModel,
        endpoint_url: str,
        context: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        set_user_agent_header: bool = True,
    ) -> dict[str, Any]:
        if not set_user_agent_header or not self._takes(operation_model, api_params):
            # A URL that is signed for others names no user agent.
            made: dict[str, Any] = super()._convert_to_request_dict(  # type: ignore[misc]
                api_params, operation_model, endpoint_url, context, headers, set_user_agent_header
            )
            return made
        return {
            "method": "POST",
            "url": endpoint_url,
            "url_path": "/",
            "query_string": {},
            "headers": {},
            "body": b"",
            "context": context,
        }

    def _takes(self, operation: OperationModel, params: dict[str, Any]) -> bool:
        """Wrong parameters are botocore's to report."""
        service = operation.service_model
        if self.route_of(service) is None:
            return False
        return parameter_check(service.service_name, operation.name)(params)
