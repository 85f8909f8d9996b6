"""Services over HTTP that sfnlocal has itself: queues, events, schedules, functions, ..."""

from __future__ import annotations

from concurrent.futures import Future

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.server.http import Request, Response
from sfnlocal.server.queue_polls import HeldResponse
from sfnlocal.server.wires import Wire, wire_of
from sfnlocal.services.aws import Aws
from sfnlocal.services.sqs.long_polls import LongPoll


def routed_answer(aws: Aws, service: str, request: Request) -> Response | Future[Response]:
    """`service` is a client name. What the service answers later is a Future. Raises
    UnsupportedError."""
    wire = wire_of(service, request)
    try:
        operation, params = wire.understood(request)
        answer = aws.begin(service, operation, params)
    except ApiError as error:
        return wire.fault(error)
    if isinstance(answer, Future):
        return _later(wire, operation, answer)
    return wire.response(operation, answer)


def _later(wire: Wire, operation: str, answer: Future[dict[str, Json]]) -> Future[Response]:
    response: Future[Response] = Future()
    if isinstance(answer, LongPoll):
        response = HeldResponse(answer.wait_seconds, wire.response(operation, {}))

    def settle(answered: Future[dict[str, Json]]) -> None:
        if not response.set_running_or_notify_cancel():
            return
        error = answered.exception()
        if isinstance(error, ApiError):
            response.set_result(wire.fault(error))
        elif error is not None:
            response.set_exception(error)
        else:
            response.set_result(wire.response(operation, answered.result()))

    # Who does not wait any more takes nothing away from others.
    response.add_done_callback(lambda one: answer.cancel() if one.cancelled() else None)
    answer.add_done_callback(settle)
    return response
