"""The function host: Lambda functions of the app, run in this process.

A call gives what Lambda's Invoke gives: a payload, and `function_error` "Unhandled" where the
payload describes an error. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TextIO, cast

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, HandlerError, UnsupportedError
from sfnlocal.limits import LAMBDA_PAYLOAD_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.services import handler_answer
from sfnlocal.services.handler_answer import FunctionErrorAnswer
from sfnlocal.services.handler_code import HandlerCode
from sfnlocal.services.handler_context import LambdaContext
from sfnlocal.services.handler_process import (
    Call,
    HandlerClock,
    HandlerProcess,
    HandlerStream,
    TimedOut,
    current_call,
    sleep_virtually,
    stack_of,
)
from sfnlocal.template.resources import Function

LATEST = "$LATEST"

# After these the next call is a cold start.
_SANDBOX_ENDS = frozenset({"Sandbox.Timedout", "Runtime.ExitError"})


@dataclass(frozen=True, slots=True)
class Invocation:
    """`payload` is the response, or the error's description where `function_error` is set.
    `elapsed_ms` is virtual time, `log` what the handler printed and logged."""

    payload: Json
    function_error: str | None
    elapsed_ms: int
    log: str
    executed_version: str
    request_id: str

    @property
    def payload_text(self) -> str:
        """The payload as the Python runtime writes it."""
        return json.dumps(self.payload, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A thread whose call was ended from outside, and where it stands (real time-outs: where it
    still runs)."""

    thread: str
    stack: str


class _StillClock:
    """Leaves the time of this process alone."""

    def move_to(self, now_ms: int) -> None:
        pass


class FunctionHost:
    """`qualifiers` maps `name:qualifier` of versions and aliases to the version that runs.
    `clock` shows handlers their virtual time; `Aws` puts itself there. In real time, handlers
    really sleep, and have until their function's time-out."""

    def __init__(
        self,
        functions: Iterable[Function],
        clock: HandlerClock | None = None,
        *,
        seed: int = 0,
        qualifiers: Mapping[str, str] | None = None,
        wall_limit_ms: int = 10_000,
        real_time: bool = False,
    ) -> None:
        self.clock: HandlerClock = clock or _StillClock()
        self._functions = {function.name: function for function in functions}
        self._qualifiers = dict(qualifiers or {})
        self._rng = random.Random(f"{seed}/requests")
        self._process = HandlerProcess(None if real_time else wall_limit_ms)
        self._stream = HandlerStream(self._process.calls)
        self._code: dict[str, HandlerCode] = {}
        self._observers: list[Callable[[str, Invocation], None]] = []

    def observe(self, observer: Callable[[str, Invocation], None]) -> None:
        """Tell `observer` of each call that has ended: the function's name, and what came out."""
        self._observers.append(observer)

    def check(self) -> None:
        """The cold start of every function that runs here. HandlerError where one fails, which
        on AWS only its first call would tell."""
        for function in self._functions.values():
            if function.code_folder is not None:
                self._check(function)

    def _check(self, function: Function) -> None:
        code = self._code_of(function)
        call = self._new_call(function, now_ms=0)
        with code.entered():
            outcome = self._process.run(function.name, call, lambda: _load(code, call))
        if outcome is None:
            return
        payload = (
            outcome.payload
            if isinstance(outcome, FunctionErrorAnswer)
            else handler_answer.timed_out(call.timeout_ms, call.request_id)
        )
        raise HandlerError(
            f"{payload['errorType']}: {payload['errorMessage']}",
            where=f"{function.resource.where} ({function.handler} in {function.code_folder})",
            hint="the first call would fail like this on AWS too",
        )

    def invoke(
        self,
        name_or_arn: str,
        payload: Json,
        *,
        now_ms: int,
        client_context: Mapping[str, Json] | None = None,
        qualifier: str | None = None,
    ) -> Invocation:
        """Call a function. Raises ApiError for an unknown one, UnsupportedError for one whose
        code does not run here."""
        function, version, arn = self._resolve(name_or_arn, qualifier)
        code = self._code_of(function)
        event = json.dumps(payload)
        if len(event) > LAMBDA_PAYLOAD_BYTES_MAX:
            limit = f"{LAMBDA_PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation"
            raise ApiError("RequestTooLargeException", f"Request must be smaller than {limit}", 413)
        call = self._new_call(function, now_ms)
        context = LambdaContext(
            request_id=call.request_id,
            invoked_function_arn=arn,
            function_version=version,
            environment=code.environment,
            client_context=client_context,
            remaining_ms=call.remaining_ms,
            write=self._stream.write,
        )
        with code.entered():
            outcome = self._process.run(
                function.name, call, lambda: _run(code, call, event, context)
            )
        answer = self._invocation(outcome, call, code, version)
        for observer in self._observers:
            observer(function.name, answer)
        if answer.elapsed_ms and current_call() is not None:
            sleep_virtually(answer.elapsed_ms / 1000)
        return answer

    def _invocation(
        self, outcome: object, call: Call, code: HandlerCode, version: str
    ) -> Invocation:
        # In real time the answer is due now.
        error, elapsed_ms = None, 0 if self._process.real_time else call.elapsed_ms
        if isinstance(outcome, str):
            payload = json.loads(outcome)
        else:
            error = "Unhandled"
            if isinstance(outcome, TimedOut):
                elapsed_ms = 0 if self._process.real_time else call.timeout_ms
                payload = handler_answer.timed_out(call.timeout_ms, call.request_id)
            else:
                assert isinstance(outcome, FunctionErrorAnswer)
                payload = outcome.payload
            call.log.append(handler_answer.log_text(payload))
            if payload["errorType"] in _SANDBOX_ENDS:
                self._code.pop(code.function.name, None)
        log = "".join(call.log)
        return Invocation(payload, error, elapsed_ms, log, version, call.request_id)

    @property
    def abandoned(self) -> list[Abandoned]:
        """Calls that were ended by a time-out or Ctrl-C."""
        return [Abandoned(thread.name, stack_of(thread)) for thread in self._process.abandoned]

    def close(self) -> None:
        self._process.close()

    def _new_call(self, function: Function, now_ms: int) -> Call:
        request_id = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return Call(request_id, now_ms, function.timeout_seconds * 1000, self.clock)

    def find(self, name_or_arn: str, qualifier: str | None = None) -> Function:
        """Raises ApiError where there is no such function, version or alias."""
        return self._resolve(name_or_arn, qualifier)[0]

    def _resolve(self, name_or_arn: str, qualifier: str | None) -> tuple[Function, str, str]:
        """The function, the version that runs, and the ARN as the context shows it."""
        _, _, text = name_or_arn.rpartition(":function:")
        name, _, inner = text.partition(":")
        asked = inner or qualifier
        function = self._functions.get(name)
        version = LATEST
        if function is not None and asked not in (None, LATEST):
            version = self._qualifiers.get(f"{name}:{asked}", "")
        if function is None or not version:
            raise ApiError(
                "ResourceNotFoundException",
                f"Function not found: {self._asked_arn(name_or_arn, name, asked)}",
                404,
            )
        return function, version, f"{function.arn}:{asked}" if asked else function.arn

    def _asked_arn(self, name_or_arn: str, name: str, qualifier: str | None) -> str:
        if name_or_arn.startswith("arn:"):
            arn = name_or_arn.partition(f":function:{name}")[0] + f":function:{name}"
        else:
            known = next(iter(self._functions.values()), None)
            start = parse_arn(known.arn)._replace(resource="") if known else "arn:aws:lambda:::"
            arn = f"{start}function:{name}"
        return f"{arn}:{qualifier}" if qualifier else arn

    def _code_of(self, function: Function) -> HandlerCode:
        code = self._code.get(function.name)
        if code is None:
            if function.code_folder is None:
                raise UnsupportedError(
                    f"function {function.name} does not run here: {function.refusal}",
                    where=function.resource.where,
                    hint="mock the states that call it",
                )
            stream = cast(TextIO, self._stream)
            code = HandlerCode(function, stream, self._stream.request_id)
            self._code[function.name] = code
        return code


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


def _run(code: HandlerCode, call: Call, event: str, context: LambdaContext) -> object:
    """On the handler's thread: the response's JSON text, or FunctionErrorAnswer."""
    failed = _load(code, call)
    if failed is not None:
        return failed
    try:
        response = code.handler(json.loads(event), context)
        return handler_answer.marshalled(response, call.request_id)
    except FunctionErrorAnswer as answer:
        return answer
    except SystemExit as error:
        return FunctionErrorAnswer(handler_answer.exited(error, call.request_id))
    except Exception as error:
        return FunctionErrorAnswer(handler_answer.raised(error, call.request_id, code.folder))
