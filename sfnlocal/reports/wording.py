"""How reports write durations, causes, JSON and colours."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import TextIO

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json

# What AWS puts before the causes of its own errors; a report names the state anyway.
_STATE_FAILED = re.compile(
    r"^An error occurred while executing the state '.*?' \(entered at the event id #\d+\)\. "
)
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000))
_LINE_CHARS = 88
_CAUSE_CHARS = 120
_STATUS_CODES = {
    "succeeded": "32",
    "caught": "33",
    "waiting": "36",
    "running": "36",
    "failed": "31",
    "aborted": "31",
    "timed_out": "31",
}


def duration(ms: int) -> str:
    """`0s`, `350ms`, `2.5s`, `1m 40s`, `1d 9h`."""
    if 0 < ms < 1000:
        return f"{ms}ms"
    parts = []
    for unit, unit_ms in _UNITS:
        count, ms = divmod(ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    if ms or not parts:
        parts.append(f"{ms / 1000:.3f}".rstrip("0").rstrip(".") + "s")
    return " ".join(parts)


def cut(text: str, chars_max: int) -> str:
    """On one line, no longer than that."""
    line = " ".join(text.split())
    return line if len(line) <= chars_max else f"{line[: chars_max - 3]}..."


def failure(error: str | None, cause: str | None) -> str:
    """`error: cause` on one line; of a JSON cause only the message in it."""
    message = cut(_message(cause), _CAUSE_CHARS)
    return f"{error or 'no error name'}: {message}" if message else error or "no error name"


def _message(cause: str | None) -> str:
    """A function's error has errorMessage, a failed child execution Error and Cause."""
    details = parsed(cause)
    match details:
        case {"errorMessage": str(message)}:
            return message
        case {"ExecutionArn": _, "Status": status}:
            inner = _message(details.get("Cause"))
            return f"{details.get('Error') or status}: {inner}" if inner else str(status)
    return _STATE_FAILED.sub("", cause or "")


def parsed(text: str | None) -> Json:
    """The text's JSON value, or the text itself."""
    try:
        return json.loads(text or "")
    except ValueError:
        return text


def json_block(value: Json) -> str:
    """On one line where that is short, else indented."""
    line = json_text(value)
    return line if len(line) <= _LINE_CHARS else json.dumps(value, indent=2, ensure_ascii=False)


def cause_block(cause: str) -> str:
    """A whole cause: of a function's error the message and the stack trace as Python prints it,
    of other JSON the value indented, else the text."""
    details = parsed(cause)
    match details:
        case {"errorMessage": str(message), "stackTrace": [*trace]}:
            return "\n".join([message, "".join(map(str, trace))]).rstrip()
        case str():
            return details
    return json_block(details)


def wants_colour(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """On a terminal, unless NO_COLOR is set: https://no-color.org"""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def painted(text: str, status: str, colour: bool) -> str:
    """`text` in the colour of an outcome or an execution's status."""
    code = _STATUS_CODES.get(status.lower())
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text
