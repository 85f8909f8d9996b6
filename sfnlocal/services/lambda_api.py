"""Lambda's Invoke, as boto3 clients in this process call it, and asynchronous invocations.

An asynchronous event is queued: it runs at the moment it was sent, outside its sender's call, and
is tried again one and then two minutes after a function error. A destination or dead-letter queue
for events that failed is not simulated.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import TypeAlias

from botocore.response import StreamingBody

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.functions import FunctionHost

# Does something at a time.
Schedule: TypeAlias = Callable[[int, Callable[[], None]], None]

_RETRY_DELAYS_MS = (60_000, 120_000)
_LOG_TAIL_BYTES = 4096


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
        self._try_at(now_ms, function, payload, qualifier, _RETRY_DELAYS_MS)

    def _try_at(
        self,
        at_ms: int,
        function: str,
        payload: Json,
        qualifier: str | None,
        delays_ms: tuple[int, ...],
    ) -> None:
        def attempt() -> None:
            answer = self._functions.invoke(function, payload, now_ms=at_ms, qualifier=qualifier)
            if answer.function_error is not None and delays_ms:
                again_ms = at_ms + answer.elapsed_ms + delays_ms[0]
                self._try_at(again_ms, function, payload, qualifier, delays_ms[1:])

        assert self._schedule is not None
        self._schedule(at_ms, attempt)


class LambdaApi:
    """Answers boto3's Lambda client. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""

    def __init__(
        self, functions: FunctionHost, events: AsyncInvocations, now_ms: Callable[[], int]
    ) -> None:
        self._functions = functions
        self._events = events
        self._now_ms = now_ms

    def __call__(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        if operation != "Invoke":
            raise UnsupportedError(
                f"lambda:{operation} is not simulated", hint="only lambda:Invoke is"
            )
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
    return {"StatusCode": status, "Payload": StreamingBody(io.BytesIO(body), len(body))}
