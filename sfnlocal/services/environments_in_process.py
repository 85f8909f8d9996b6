"""Execution environments in this process: handlers on worker threads, mostly in virtual time."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TextIO, cast

from sfnlocal.limits import LAMBDA_CONCURRENCY_MAX
from sfnlocal.ports import Caller
from sfnlocal.services import handler_answer
from sfnlocal.services.environments import Request, Response, check_runs_here
from sfnlocal.services.handler_answer import FunctionErrorAnswer
from sfnlocal.services.handler_code import HandlerCode
from sfnlocal.services.handler_context import LambdaContext
from sfnlocal.services.handler_process import (
    Call,
    HandlerProcess,
    HandlerStream,
    HandlerThread,
    Outcome,
    TimedOut,
    stack_of,
)

# After these the next call is a cold start.
_SANDBOX_ENDS = frozenset({"Sandbox.Timedout", "Runtime.ExitError"})


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A thread whose call was ended from outside. One that has `hung` still ran when its real time
    was over, and may do so now."""

    running: HandlerThread
    hung: bool

    @property
    def thread(self) -> str:
        return self.running.name

    @property
    def stack(self) -> str:
        """Where it stands."""
        return stack_of(self.running)


class InProcessEnvironments:
    """In virtual time a call may really take `wall_limit_ms`. In real time handlers really sleep,
    and have until their function's time-out."""

    concurrency_max = LAMBDA_CONCURRENCY_MAX

    def __init__(self, *, real_time: bool = False, wall_limit_ms: int = 10_000) -> None:
        self._process = HandlerProcess(None if real_time else wall_limit_ms)
        self._stream = HandlerStream(self._process.calls)
        self._code: dict[tuple[str, str], HandlerCode] = {}

    def start(self, request: Request) -> Response | None:
        code = self._code_of(request)
        call = _new_call(request, code)
        with code.entered():
            outcome = self._process.run(request.function.name, call, lambda: _load(code, call))
        return None if outcome is None else self._response(outcome, call, request)

    def invoke(self, request: Request) -> Response:
        code = self._code_of(request)
        call = _new_call(request, code)
        context = LambdaContext(
            request_id=call.request_id,
            invoked_function_arn=request.function_arn,
            function_version=request.version,
            environment=code.environment,
            client_context=request.client_context,
            remaining_ms=call.remaining_ms,
            write=self._stream.write,
        )
        with code.entered():
            outcome = self._process.run(
                request.function.name, call, lambda: _run(code, call, request.event, context)
            )
        return self._response(outcome, call, request)

    def _response(self, outcome: Outcome, call: Call, request: Request) -> Response:
        # In real time the answer is due now.
        elapsed_ms = 0 if self._process.real_time else call.elapsed_ms
        if isinstance(outcome, str):
            return Response(json.loads(outcome), False, elapsed_ms, "".join(call.log))
        if isinstance(outcome, TimedOut):
            elapsed_ms = 0 if self._process.real_time else call.timeout_ms
            payload = handler_answer.timed_out(call.timeout_ms, call.request_id)
        else:
            assert isinstance(outcome, FunctionErrorAnswer)
            payload = outcome.payload
        call.log.append(handler_answer.log_text(payload))
        if payload["errorType"] in _SANDBOX_ENDS:
            self._renew((request.function.name, request.version))
        return Response(payload, True, elapsed_ms, "".join(call.log))

    @property
    def abandoned(self) -> list[Abandoned]:
        """Calls that were ended by a time-out or Ctrl-C."""
        return [
            Abandoned(thread, thread.call is not None and thread.call.hung)
            for thread in self._process.abandoned
        ]

    def end_abandoned(self) -> None:
        """Their world is over: threads that only stood still end. What they print then is in no
        log."""
        stream = cast(TextIO, self._stream)
        with redirect_stdout(stream), redirect_stderr(stream):
            self._process.end_abandoned()

    def close(self) -> None:
        self.end_abandoned()
        self._process.close()

    def _renew(self, key: tuple[str, str]) -> None:
        ended = self._code.get(key)
        if ended is not None:
            # Another call that runs in it may go on.
            ended.sandbox.ended = all(
                call.sandbox is not ended.sandbox for call in self._process.calls
            )
            self._code[key] = ended.renewed()

    def _code_of(self, request: Request) -> HandlerCode:
        function, key = request.function, (request.function.name, request.version)
        code = self._code.get(key)
        if code is None or code.function is not function:
            check_runs_here(function)
            request.clock.take_over()
            stream = cast(TextIO, self._stream)
            code = HandlerCode(function, request.version, stream, self._stream.request_id)
            self._code[key] = code
        return code


def _new_call(request: Request, code: HandlerCode) -> Call:
    function = request.function
    role_arn = function.resource.properties.get("Role")
    return Call(
        request.request_id,
        request.now_ms,
        request.timeout_ms,
        request.clock,
        Caller("lambda.amazonaws.com", function.arn, role_arn),
        code.sandbox,
    )


def _load(code: HandlerCode, call: Call) -> FunctionErrorAnswer | None:
    """The cold start, where it has not been made yet; what it failed with."""
    if code.loaded:
        return None
    handler = code.function.handler
    try:
        code.load()
    except SystemExit as error:
        payload = handler_answer.exited(error, call.request_id)
    except Exception as error:
        payload = handler_answer.cannot_load(error, handler, call.request_id, code.folder)
    else:
        return None
    return FunctionErrorAnswer(payload)


def _run(code: HandlerCode, call: Call, event: str, context: LambdaContext) -> Outcome:
    """On the handler's thread: the response's JSON text, or FunctionErrorAnswer."""
    failed = _load(code, call)
    if failed is not None:
        return failed
    try:
        return handler_answer.answer(code.handler, event, context, call.request_id, code.folder)
    except FunctionErrorAnswer as answer:
        return answer
    except SystemExit as error:
        return FunctionErrorAnswer(handler_answer.exited(error, call.request_id))
