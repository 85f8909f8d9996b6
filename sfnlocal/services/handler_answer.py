"""What Lambda answers for what a Python handler did: payloads of results and of errors.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html. Files of the code folder are
named `/var/task/...` in stack traces, as on AWS, so that histories do not depend on the machine.
"""

from __future__ import annotations

import json
import re
import signal
import traceback
from decimal import Decimal
from pathlib import Path
from types import TracebackType

from sfnlocal.limits import LAMBDA_PAYLOAD_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.services.handler_start import Handler, NoHandler

TASK_ROOT = "/var/task"
_LIBRARIES = re.compile(r"^.*?/(?:site|dist)-packages/")
_STANDARD_LIBRARY = re.compile(r"^.*?/(lib/python3\.\d+/.*)$")


def answer(handler: Handler, event: str, context: object, request_id: str, folder: Path) -> str:
    """Calls the handler with an event of JSON text: the response as JSON text. Raises
    FunctionErrorAnswer, and SystemExit where the handler does."""
    try:
        response = handler(json.loads(event), context)
    except Exception as error:
        raise FunctionErrorAnswer(raised(error, request_id, folder)) from None
    return marshalled(response, request_id)


class FunctionErrorAnswer(Exception):  # noqa: N818 - an answer that travels by raising
    """The function's answer is an error payload."""

    def __init__(self, payload: Json) -> None:
        super().__init__(payload)
        self.payload = payload


def error_payload(
    error_type: str, message: str, request_id: str, stack_trace: list[str]
) -> dict[str, Json]:
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack_trace,
    }


def raised(error: Exception, request_id: str, folder: Path) -> dict[str, Json]:
    trace = stack_trace(error.__traceback__, folder)
    return error_payload(type(error).__name__, str(error), request_id, trace)


def exited(error: SystemExit, request_id: str) -> dict[str, Json]:
    """The runtime's process would have ended: sys.exit()."""
    code = error.code or 0
    return process_ended(code if isinstance(code, int) else 1, request_id)


def process_ended(status: int, request_id: str) -> dict[str, Json]:
    """The runtime's process has ended by itself; `status` is negative where a signal ended it."""
    if status == 0:
        reason = "Runtime exited without providing a reason"
    elif status > 0:
        reason = f"Runtime exited with error: exit status {status}"
    else:
        name = signal.strsignal(-status) or str(-status)
        reason = f"Runtime exited with error: signal: {name.lower()}"
    message = f"RequestId: {request_id} Error: {reason}"
    return {"errorType": "Runtime.ExitError", "errorMessage": message}


def timed_out(timeout_ms: int, request_id: str) -> dict[str, Json]:
    message = f"RequestId: {request_id} Error: Task timed out after {timeout_ms / 1000:.2f} seconds"
    return {"errorType": "Sandbox.Timedout", "errorMessage": message}


def cannot_load(error: Exception, handler: str, request_id: str, folder: Path) -> dict[str, Json]:
    """The answer where the cold start failed."""
    module = handler.rpartition(".")[0].replace("/", ".")
    if isinstance(error, SyntaxError):
        file = _file(error.filename or "", folder)
        trace = [f'  File "{file}" Line {error.lineno}\n    {error.text or ""}']
        message = f"Syntax error in module '{module}': {error}"
        return error_payload("Runtime.UserCodeSyntaxError", message, request_id, trace)
    if isinstance(error, ImportError):
        message = f"Unable to import module '{module}': {error}"
        return error_payload("Runtime.ImportModuleError", message, request_id, [])
    if isinstance(error, NoHandler):
        return error_payload(error.error_type, str(error), request_id, [])
    return raised(error, request_id, folder)


def log_text(payload: dict[str, Json]) -> str:
    """What the runtime writes to the log for an error."""
    trace = "".join(payload.get("stackTrace", ()))
    text = f"[ERROR] {payload['errorType']}: {payload['errorMessage']}"
    return f"{text}\nTraceback (most recent call last):\n{trace}" if trace else f"{text}\n"


def marshalled(value: object, request_id: str) -> str:
    """The response as JSON text. Raises FunctionErrorAnswer where it is none, or too large."""
    try:
        text = _payload_text(value) if isinstance(value, bytes) else _encoder.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"Unable to marshal response: {error}"
        payload = error_payload("Runtime.MarshalError", message, request_id, [])
        raise FunctionErrorAnswer(payload) from None
    if len(text.encode()) > LAMBDA_PAYLOAD_BYTES_MAX:
        limit = f"({LAMBDA_PAYLOAD_BYTES_MAX} bytes)"
        message = f"Response payload size exceeded maximum allowed payload size {limit}."
        raise FunctionErrorAnswer(
            {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
        )
    return text


def _payload_text(value: bytes) -> str:
    """Recorded: bytes are the payload itself; as a text, where they are no JSON."""
    text = value.decode()
    try:
        json.loads(text)
    except ValueError:
        return _encoder.encode(text)
    return text


def _decimal_as_float(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_decimal_as_float)


def stack_trace(trace: TracebackType | None, folder: Path) -> list[str]:
    """The frames from the handler on, each as Lambda writes it."""
    frames = list(traceback.extract_tb(trace))
    while frames and Path(frames[0].filename).parent == Path(__file__).parent:
        del frames[0]
    lines = [f"    {frame.line}\n" if frame.line else "" for frame in frames]
    heads = [
        f'  File "{_file(frame.filename, folder)}", line {frame.lineno}, in {frame.name}\n'
        for frame in frames
    ]
    return [head + line for head, line in zip(heads, lines, strict=True)]


def _file(name: str, folder: Path) -> str:
    path = Path(name)
    if path.is_relative_to(folder):
        return f"{TASK_ROOT}/{path.relative_to(folder).as_posix()}"
    if _LIBRARIES.match(name):
        return _LIBRARIES.sub("/opt/python/", name)
    return _STANDARD_LIBRARY.sub(r"/var/lang/\1", name)
