"""What a request to start something must look like: its name and its input, with AWS's words for
what is wrong with them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sfnlocal.errors import ApiError
from sfnlocal.limits import NAME_CHARS_MAX, PAYLOAD_BYTES_MAX

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_NAME_REFUSED = re.compile(
    r"""[\s\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff\U0010ffff<>{}\[\]?*"#%\\^|~`$&,;:/]"""
)
_WORD = re.compile(r"[\w$]+")
_VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"


def check_name(name: str) -> None:
    """Of a state machine, an execution or an activity. Raises ApiError."""
    if not 0 < len(name) <= NAME_CHARS_MAX or _NAME_REFUSED.search(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")


def parse_input(text: str) -> Any:
    """An execution's input. Raises ApiError."""
    if len(text) > PAYLOAD_BYTES_MAX or len(text.encode(errors="replace")) > PAYLOAD_BYTES_MAX:
        message = f"State machine input exceeds {PAYLOAD_BYTES_MAX} bytes"
        raise ApiError("InvalidExecutionInput", message)
    if not text.strip():
        raise _refused("Invalid execution input.")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _refused(_complaint(text, error)) from None
    except (ValueError, RecursionError) as error:
        raise _refused(str(error)) from None


def _refused(why: str) -> ApiError:
    return ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{why}'")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"Unrecognized token '{name}': was expecting ({_VALUES})")


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    """In the words of AWS's parser, as far as they are recorded."""
    if error.pos >= len(text):
        return "Unexpected end-of-input"
    character = f"Unexpected character ('{text[error.pos]}' (code {ord(text[error.pos])}))"
    if "property name" in error.msg:
        return f"{character}: was expecting double-quote to start field name"
    if error.msg == "Expecting value":
        word = _WORD.match(text, error.pos)
        if word is not None:
            return f"Unrecognized token '{word[0]}': was expecting ({_VALUES})"
        return f"{character}: expected a valid value ({_VALUES})"
    return f"{error.msg}: line {error.lineno}, column {error.colno}"
