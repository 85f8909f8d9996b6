"""The operators of event patterns: what stands in a pattern's arrays, compiled to a test of one
value.

Strategy: a value of an event is a string, number, true, false or null by now (patterns.py takes
objects and arrays apart); each operator becomes a closure that is asked about one such value. The
`anything-but` forms are the other operators, turned round.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TypeAlias

from sfnlocal.ports import Json

# Is the value what the operator asks for?
Test: TypeAlias = Callable[[Json], bool]

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
NUMERIC_MAX = 5_000_000_000

_NUMBERS = frozenset({int, float})
# What lies between two limits, by the operators of the limits.
_RANGES: dict[tuple[str, str], Callable[[float, float], Test]] = {
    (">", "<"): lambda low, high: lambda value: type(value) in _NUMBERS and low < value < high,
    (">", "<="): lambda low, high: lambda value: type(value) in _NUMBERS and low < value <= high,
    (">=", "<"): lambda low, high: lambda value: type(value) in _NUMBERS and low <= value < high,
    (">=", "<="): lambda low, high: lambda value: type(value) in _NUMBERS and low <= value <= high,
}


class PatternError(ValueError):
    """Why AWS does not take the pattern, in its words."""


def is_number(value: Json) -> bool:
    return type(value) in _NUMBERS


def prefix(argument: Json) -> Test:
    text = _text_of("prefix", argument)
    if text is not None:
        return lambda value: type(value) is str and value.startswith(text)
    folded = _folded("prefix", argument)
    return lambda value: type(value) is str and value.lower().startswith(folded)


def suffix(argument: Json) -> Test:
    text = _text_of("suffix", argument)
    if text is not None:
        return lambda value: type(value) is str and value.endswith(text)
    folded = _folded("suffix", argument)
    return lambda value: type(value) is str and value.lower().endswith(folded)


def _text_of(name: str, argument: Json) -> str | None:
    """None: it is an object with the text."""
    if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        return None
    return _text(name, argument)


def _folded(name: str, argument: dict[str, Json]) -> str:
    return _text(f"{name}/equals-ignore-case", argument["equals-ignore-case"]).lower()


def equals_ignore_case(argument: Json) -> Test:
    wanted = _text("equals-ignore-case", argument).lower()
    return lambda value: isinstance(value, str) and value.lower() == wanted


def wildcard(argument: Json) -> Test:
    matches = re.compile(_expression(_text("wildcard", argument)), re.DOTALL).fullmatch
    return lambda value: isinstance(value, str) and matches(value) is not None


def _expression(text: str) -> str:
    """`*` stands for any characters; `\\*` and `\\\\` for themselves. Each part between stars is
    taken where it is first found, for ever (the atomic groups): no text takes long."""
    parts = [""]
    at = 0
    while at < len(text):
        if text[at] == "\\":
            if text[at + 1 : at + 2] not in ("*", "\\"):
                raise PatternError(f"Invalid escape character at pos {at}")
            parts[-1] += text[at + 1]
            at += 2
        elif text[at] == "*":
            if text[at + 1 : at + 2] == "*":
                raise PatternError(f"Consecutive wildcard characters at pos {at}")
            parts.append("")
            at += 1
        else:
            parts[-1] += text[at]
            at += 1
    first, *others = [re.escape(part) for part in parts]
    if not others:
        return first
    middle = "".join(f"(?>.*?{part})" for part in others[:-1])
    return f"{first}{middle}.*{others[-1]}"


def numeric(argument: Json) -> Test:
    """`["=", 5]`, `[">", 0]`, `[">", 0, "<=", 5]`. Values outside of +-5e9 match nothing."""
    if not isinstance(argument, list):
        raise PatternError("Value of numeric must be an array.")
    comparisons = [
        _comparison(argument[at], argument[at + 1 : at + 2]) for at in range(0, len(argument), 2)
    ]
    if not comparisons:
        raise PatternError("Invalid member in numeric match: ]")
    if len(comparisons) > 2 or (len(comparisons) == 2 and argument[0] == "="):
        raise PatternError("Too many terms in numeric range expression")
    if len(comparisons) == 2:
        _check_range(argument)
    low: tuple[str, float] = (">=", -NUMERIC_MAX)
    high: tuple[str, float] = ("<=", NUMERIC_MAX)
    for symbol, limit in comparisons:
        if symbol != "=":
            low, high = (low, (symbol, limit)) if symbol[0] == "<" else ((symbol, limit), high)
        else:
            low, high = (">=", limit), ("<=", limit)
    return _RANGES[low[0], high[0]](low[1], high[1])


def _comparison(symbol: Json, operand: list[Json]) -> tuple[str, float]:
    if not isinstance(symbol, str):
        raise PatternError(f"Invalid member in numeric match: {symbol}")
    if symbol not in ("=", "<", "<=", ">", ">="):
        raise PatternError(f"Unrecognized numeric range operator: {symbol}")
    if not operand or not is_number(operand[0]):
        raise PatternError(f"Value of {'equals' if symbol == '=' else symbol} must be numeric")
    if not -NUMERIC_MAX <= operand[0] <= NUMERIC_MAX:
        raise PatternError(
            "Value must be between -5.0E9 and 5.0E9, inclusive, for numeric comparisons"
        )
    return symbol, operand[0]


def _check_range(argument: list[Json]) -> None:
    first, bottom, second, top = argument
    if not first.startswith(">"):
        raise PatternError("Too many terms in numeric range expression")
    if not second.startswith("<"):
        raise PatternError(f"Bad numeric range operator: {second}")
    if bottom >= top:
        raise PatternError("Bottom must be less than top")


def cidr(argument: Json) -> Test:
    text = _text("cidr", argument)
    address, slash, bits = text.partition("/")
    if not slash:
        raise PatternError("Malformed CIDR, one '/' required")
    if not bits.isdecimal():
        raise PatternError("Malformed CIDR, mask bits must be an integer")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        if _address(address) is None:
            raise PatternError(f"Nonstandard IP address: {address}") from None
        raise PatternError(f"Malformed CIDR, mask bits out of range: {bits}") from None

    def test(value: Json) -> bool:
        found = _address(value)
        return found is not None and found in network

    return test


def _address(text: Json) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not isinstance(text, str):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def anything_but(argument: Json, supported: Callable[[str], bool]) -> Test:
    """A string, a number, a list of either; or another operator with a string or a list of
    strings. `supported` says of a form (`anything-but/prefix`) whether it is there."""
    if isinstance(argument, dict):
        return _anything_but_form(argument, supported)
    values = argument if isinstance(argument, list) else [argument]
    if not values:
        raise PatternError("Empty arrays are not allowed")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise PatternError(
                "Inside anything but list, start|null|boolean is not supported."
                if isinstance(argument, list)
                else "Value of anything-but must be an array or single string/number value."
            )
    if len({isinstance(value, str) for value in values}) == 2:
        raise PatternError(
            "Inside anything but list, either all values are number or string, "
            "mixed type is not supported"
        )
    refused = frozenset(values)
    # True equals 1, and is no number here.
    return lambda value: isinstance(value, bool) or value not in refused


_FORMS: dict[str, Callable[[Json], Test]] = {
    "prefix": prefix,
    "suffix": suffix,
    "equals-ignore-case": equals_ignore_case,
    "wildcard": wildcard,
}


def _anything_but_form(argument: dict[str, Json], supported: Callable[[str], bool]) -> Test:
    if len(argument) != 1:
        raise PatternError("Only one key allowed in match expression")
    [(name, given)] = argument.items()
    compile_form = _FORMS.get(name)
    if compile_form is None or not supported(f"anything-but/{name}"):
        raise PatternError(f"Unsupported anything-but pattern: {name}")
    texts = given if isinstance(given, list) else [given]
    if not texts:
        raise PatternError("Empty arrays are not allowed")
    for text in texts:
        if not isinstance(text, str):
            raise PatternError(f"{name} match pattern must be a string")
        if not text and name in ("prefix", "suffix"):
            raise PatternError(f"Null {name} not allowed")
    tests = tuple(compile_form(text) for text in texts)
    return lambda value: not any(test(value) for test in tests)


def _text(name: str, argument: Json) -> str:
    if not isinstance(argument, str):
        raise PatternError(f"{name} match pattern must be a string")
    return argument


OPERATORS: dict[str, Callable[[Json], Test]] = {
    "prefix": prefix,
    "suffix": suffix,
    "equals-ignore-case": equals_ignore_case,
    "wildcard": wildcard,
    "numeric": numeric,
    "cidr": cidr,
}
