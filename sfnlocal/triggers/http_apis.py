"""API Gateway's HTTP APIs: a request in, a response out, in virtual time.

What answers is loaded with the first app that has an API: most have none.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws

if TYPE_CHECKING:
    from sfnlocal.triggers.http_gateway import ApiGateway
    from sfnlocal.triggers.http_messages import HttpResponse, Identity

_API = "AWS::ApiGatewayV2::Api"
Query: TypeAlias = "str | Mapping[str, str | list[str]]"


class HttpApis:
    """`load` before requests."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._gateway: ApiGateway | None = None

    def load(self) -> None:
        """Raises InputError for what AWS would refuse."""
        if self._aws.app.of_type(_API):
            self._gateway = self.gateway

    @property
    def gateway(self) -> ApiGateway:
        if self._gateway is None:
            from sfnlocal.triggers.http_gateway import ApiGateway

            self._gateway = ApiGateway(self._aws)
        return self._gateway

    def trust(self, issuer: str, jwks: Json) -> None:
        """The keys of an issuer of JSON Web Tokens, as its jwks_uri answers them: nothing is
        fetched."""
        self.gateway.trust(issuer, jwks)

    def know(self, access_key: str, secret_key: str, arn: str = "", user_id: str = "") -> None:
        """Credentials that may sign requests to routes with AWS_IAM; `local` and `local`, which
        clients of this process have, are known."""
        self.gateway.know(access_key, secret_key, arn, user_id)

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Query | None = None,
        body: bytes | str = b"",
        api: str | None = None,
        stage: str | None = None,
        source_ip: str = "127.0.0.1",
        identity: Identity | None = None,
    ) -> HttpResponse:
        """One request. A path goes to `api` (by name, logical id, construct path or id; the app's
        only one) and `stage` ($default, or the API's only one); a URL says both itself. With an
        `identity` the request counts as signed by it."""
        from sfnlocal.triggers.http_messages import HttpRequest

        gateway = self.gateway
        to = gateway.addressed(path_or_url, query, api, stage)
        content = body.encode() if isinstance(body, str) else body
        shown = {"host": to.host, **{name.lower(): text for name, text in (headers or {}).items()}}
        if content:
            shown.setdefault("content-length", str(len(content)))
        request = HttpRequest(
            method.upper(), to.path, to.query, shown, content, source_ip, to.host, identity
        )
        return gateway.answer(to.api, request)
