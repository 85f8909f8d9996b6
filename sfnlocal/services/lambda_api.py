"""The Lambda API, as boto3 clients call it, and asynchronous invocations.

An asynchronous event is queued: it runs at the moment it was sent, outside its sender's call. It is
tried again one and then two minutes after a function error, and for six hours while the function
is throttled. A destination or dead-letter queue for events that failed is not simulated.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json, Schedule
from sfnlocal.services.function_registry import parse_name
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.lambda_aliases import AliasOperations
from sfnlocal.services.lambda_code import CodeSource
from sfnlocal.services.lambda_functions import FunctionOperations, Operation, Params
from sfnlocal.services.lambda_parameters import check_parameters
from sfnlocal.services.lambda_permissions import PermissionOperations
from sfnlocal.services.lambda_reservations import ReservationOperations

_RETRY_DELAYS_MS = (60_000, 120_000)
_THROTTLED = 429
_THROTTLED_DELAY_MS_MIN = 1_000
_THROTTLED_DELAY_MS_MAX = 300_000
_AGE_MS_MAX = 6 * 3_600_000
_LOG_TAIL_BYTES = 4096
_INVOKED_WITH = frozenset(
    {"FunctionName", "Qualifier", "Payload", "InvocationType", "LogType", "ClientContext"}
)


class _Event(NamedTuple):
    """`until_ms` is when it is dropped."""

    function: str
    payload: Json
    qualifier: str | None
    until_ms: int


class AsyncInvocations:
    """Sends events to functions. Without `schedule` there is nothing to queue them in."""

    def __init__(self, functions: FunctionHost, schedule: Schedule | None) -> None:
        self._functions = functions
        self._schedule = schedule

    def send(self, function: str, payload: Json, qualifier: str | None, now_ms: int) -> None:
        """Raises ApiError for an unknown function."""
        if self._schedule is None:
            raise UnsupportedError(
                f"function {function} is invoked with InvocationType Event",
                hint="asynchronous invocations need a running session",
            )
        self._functions.find(function, qualifier)
        event = _Event(function, payload, qualifier, now_ms + _AGE_MS_MAX)
        self._try_at(now_ms, event, _RETRY_DELAYS_MS, _THROTTLED_DELAY_MS_MIN)

    def _try_at(
        self, at_ms: int, event: _Event, delays_ms: tuple[int, ...], throttled_delay_ms: int
    ) -> None:
        """`delays_ms` are those after function errors that are left."""

        def attempt() -> None:
            try:
                answer = self._functions.invoke(
                    event.function, event.payload, now_ms=at_ms, qualifier=event.qualifier
                )
            except ApiError as error:
                again_ms = at_ms + throttled_delay_ms
                if error.http_status == _THROTTLED and again_ms <= event.until_ms:
                    longer_ms = min(throttled_delay_ms * 2, _THROTTLED_DELAY_MS_MAX)
                    self._try_at(again_ms, event, delays_ms, longer_ms)
                return  # or the function has been deleted since
            if answer.function_error is not None and delays_ms:
                again_ms = at_ms + answer.elapsed_ms + delays_ms[0]
                self._try_at(again_ms, event, delays_ms[1:], _THROTTLED_DELAY_MS_MIN)

        assert self._schedule is not None
        self._schedule(at_ms, attempt)


class LambdaApi:
    """Answers boto3's Lambda client: `answer(operation, parameters)`. `client` makes boto3 clients.
    https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html"""

    def __init__(
        self,
        functions: FunctionHost,
        events: AsyncInvocations,
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
                self._events.send(name, payload, qualifier, self._now_ms())
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
