"""Values as AWS writes them in causes, and what it calls their kinds."""

from __future__ import annotations

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json


def bare_text(value: Json) -> str:
    """A string without its quotes, anything else as JSON."""
    return value if isinstance(value, str) else json_text(value)


def kind_of(value: Json) -> str:
    """JSON's name of the value's kind: `array`, `boolean`, `null`, `number`, `object`, `string`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
