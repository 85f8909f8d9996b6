"""The Lambda API, as boto3 clients call it.

https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.async_invocations import AsyncInvocations
from sfnlocal.services.function_registry import parse_name
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.lambda_aliases import AliasOperations
from sfnlocal.services.lambda_code import CodeSource
from sfnlocal.services.lambda_event_sources import EventSources
from sfnlocal.services.lambda_functions import FunctionOperations, Operation, Params
from sfnlocal.services.lambda_parameters import check_parameters
from sfnlocal.services.lambda_permissions import PermissionOperations
from sfnlocal.services.lambda_reservations import ReservationOperations

_LOG_TAIL_BYTES = 4096
_INVOKED_WITH = frozenset(
    {"FunctionName", "Qualifier", "Payload", "InvocationType", "LogType", "ClientContext"}
)


class LambdaApi:
    """Answers an operation from its parameters. `client` makes boto3 clients."""

    def __init__(
        self,
        functions: FunctionHost,
        events: AsyncInvocations,
        event_sources: EventSources,
        now_ms: Callable[[], int],
        client: Callable[[str], Any],
    ) -> None:
        self._functions = functions
        self._events = events
        self._now_ms = now_ms
        registry, code = functions.registry, CodeSource(functions.archives, client)
        self._operations: dict[str, Operation] = {
            "Invoke": self._invoke,
            **FunctionOperations(registry, code, now_ms).operations,
            **AliasOperations(registry).operations,
            **PermissionOperations(registry).operations,
            **ReservationOperations(registry).operations,
            **events.configs.operations,
            **event_sources.operations,
        }

    def __call__(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(
                f"lambda:{operation} is not simulated",
                hint=f"only {', '.join(sorted(self._operations))} are",
            )
        if operation != "Invoke":
            # Few runs call more than Invoke, and that without a client.
            from sfnlocal.services.service_models import service_model

            check_parameters(service_model("lambda").operation_model(operation), params)
        _check_qualifier(params)
        return answer(params)

    def _invoke(self, params: Params) -> dict[str, Json]:
        unknown = sorted(params.keys() - _INVOKED_WITH)
        if unknown:
            raise UnsupportedError(f"lambda:Invoke with {', '.join(unknown)} is not simulated")
        name, qualifier = params["FunctionName"], params.get("Qualifier")
        payload = _payload(params.get("Payload"))
        match params.get("InvocationType", "RequestResponse"):
            case "DryRun":
                self._functions.find(name, qualifier)
                return _response(204, b"")
            case "Event":
                self._events.send(name, payload, qualifier)
                return _response(202, b"")
        answer = self._functions.invoke(
            name,
            payload,
            now_ms=self._now_ms(),
            client_context=client_context(params.get("ClientContext")),
            qualifier=qualifier,
        )
        response = _response(200, json.dumps(answer.payload).encode())
        response["ExecutedVersion"] = answer.executed_version
        if answer.function_error is not None:
            response["FunctionError"] = answer.function_error
        if params.get("LogType") == "Tail":
            tail = answer.log.encode()[-_LOG_TAIL_BYTES:]
            response["LogResult"] = base64.b64encode(tail).decode()
        return response


def _check_qualifier(params: Params) -> None:
    """A name may end in a qualifier, and another parameter may give it again."""
    asked = params.get("Qualifier")
    derived = parse_name(params.get("FunctionName", "")).qualifier
    if asked and derived and asked != derived:
        message = (
            "The derived qualifier from the function name does not match the specified qualifier."
        )
        raise ApiError("InvalidParameterValueException", message)


def client_context(text: str | None) -> Json:
    """The ClientContext parameter, decoded."""
    if not text:
        return None
    try:
        return json.loads(base64.b64decode(text))
    except ValueError:
        message = "Client context must be a valid Base64-encoded JSON object."
        raise ApiError("InvalidRequestContentException", message) from None


def _payload(body: Json) -> Json:
    data = body.read() if hasattr(body, "read") else body
    if not data:
        return {}
    try:
        return json.loads(data)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", message) from None


def _response(status: int, body: bytes) -> dict[str, Json]:
    # Only a client of botocore gets here.
    from botocore.response import StreamingBody

    return {"StatusCode": status, "Payload": StreamingBody(io.BytesIO(body), len(body))}
