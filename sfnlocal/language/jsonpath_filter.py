"""Reads the condition of a JSONPath filter, `[?(@.price < 10 && @.kind in ['a', 'b'])]`, into
one function of (current object, root).

Grammar: `||` over `&&` over `!`, parentheses or a comparison of two operands; an operand alone
asks whether its path finds something. Operators follow the Java library that AWS uses:
a missing value equals nothing, `<` compares numbers with numbers and texts with texts, a number
equals the text that reads the same, and `=~` must match the whole text.
https://github.com/json-path/JsonPath#filter-operators
"""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable
from typing import TypeAlias

from sfnlocal.errors import UnsupportedError
from sfnlocal.language.jsonpath_steps import find, identical
from sfnlocal.language.jsonpath_syntax import Condition, Reader, is_definite, read_steps
from sfnlocal.ports import Json

_Operand: TypeAlias = Callable[[Json, Json], Json]


class _Missing:
    """What a path gives that finds nothing: no JSON value, equal to none."""


_MISSING = _Missing()
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_REGEX_FLAGS = {
    "i": re.IGNORECASE,
    "s": re.DOTALL,
    "m": re.MULTILINE,
    "x": re.VERBOSE,
    "u": re.UNICODE,
    "d": re.NOFLAG,
}


def read_condition(reader: Reader) -> Condition:
    conditions = [_all_of(reader)]
    while _takes(reader, "||"):
        conditions.append(_all_of(reader))
    if len(conditions) == 1:
        return conditions[0]
    return lambda current, root: any(condition(current, root) for condition in conditions)


def _all_of(reader: Reader) -> Condition:
    conditions = [_single(reader)]
    while _takes(reader, "&&"):
        conditions.append(_single(reader))
    if len(conditions) == 1:
        return conditions[0]
    return lambda current, root: all(condition(current, root) for condition in conditions)


def _takes(reader: Reader, expected: str) -> bool:
    reader.skip_space()
    return reader.take(expected)


def _single(reader: Reader) -> Condition:
    reader.skip_space()
    if reader.take("!"):
        negated = _single(reader)
        return lambda current, root: not negated(current, root)
    if reader.take("("):
        inner = read_condition(reader)
        reader.skip_space()
        reader.need(")")
        return inner
    left = _operand(reader)
    reader.skip_space()
    for symbol, compare in _OPERATORS.items():
        if reader.take(symbol):
            if symbol.isalpha() and not reader.peek().isspace() and reader.peek() not in "['\"":
                reader.fail(f"expected a blank after {symbol}")
            reader.skip_space()
            return _comparison(compare, left, _operand(reader))
    for symbol in ("all", "type", "matches"):
        if reader.take(symbol):
            raise UnsupportedError(f"the JSONPath filter operator {symbol}", where=reader.text)
    return lambda current, root: left(current, root) is not _MISSING


def _comparison(
    compare: Callable[[Json, Json], bool], left: _Operand, right: _Operand
) -> Condition:
    return lambda current, root: compare(left(current, root), right(current, root))


def _operand(reader: Reader) -> _Operand:
    if reader.peek() in ("@", "$"):
        return _path_operand(reader)
    if reader.peek() == "/":
        pattern = _regex(reader)
        return lambda _current, _root: pattern
    value = _literal(reader)
    return lambda _current, _root: value


def _path_operand(reader: Reader) -> _Operand:
    from_root = reader.peek() == "$"
    reader.position += 1
    steps = read_steps(reader, in_filter=True)
    definite = is_definite(steps)

    def value(current: Json, root: Json) -> Json:
        found = find(steps, root if from_root else current, root)
        if definite:
            return found[0] if found else _MISSING
        return found

    return value


def _literal(reader: Reader) -> Json:
    if reader.peek() in ("'", '"'):
        return reader.quoted()
    if reader.take("["):
        return _list(reader)
    if reader.peek() == "{":
        raise UnsupportedError("an object in a JSONPath filter", where=reader.text)
    for word, value in (("true", True), ("false", False), ("null", None)):
        if reader.take(word):
            return value
    number = _NUMBER.match(reader.text, reader.position)
    if number is None:
        reader.fail("expected a path, a text in quotes, a number, true, false, null or a list")
    reader.position = number.end()
    is_integer = number[1] is None and number[2] is None and len(number[0]) <= 18
    return int(number[0]) if is_integer else float(number[0])


def _list(reader: Reader) -> list[Json]:
    values: list[Json] = []
    reader.skip_space()
    while not reader.take("]"):
        if values:
            reader.need(",")
            reader.skip_space()
        values.append(_literal(reader))
        reader.skip_space()
    return values


def _regex(reader: Reader) -> re.Pattern[str]:
    start = reader.position
    reader.position += 1
    while (character := reader.peek()) != "/":
        if character == "":
            reader.fail("a regular expression that is not closed")
        reader.position += 2 if character == "\\" else 1
    text = reader.text[start + 1 : reader.position]
    reader.position += 1
    flags = re.NOFLAG
    while reader.peek() in _REGEX_FLAGS:
        flags |= _REGEX_FLAGS[reader.peek()]
        reader.position += 1
    try:
        with warnings.catch_warnings():
            # Python warns of what Java reads in another way, such as `[a-z&&[^b]]`.
            warnings.simplefilter("error", FutureWarning)
            return re.compile(text, flags)
    except FutureWarning:
        raise UnsupportedError(
            "sets of characters inside a set in a regular expression", where=reader.text
        ) from None
    except (re.error, OverflowError, RecursionError) as error:
        reader.fail(f"not a regular expression: {error}")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Json, right: Json) -> bool:
    if left is _MISSING or right is _MISSING:
        return False
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    if _is_number(left) and isinstance(right, str):
        return bool(_number_of(right) == left)
    if isinstance(left, str) and _is_number(right):
        return left == str(right)
    return identical(left, right)


def _number_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _strictly_equal(left: Json, right: Json) -> bool:
    if left is _MISSING or right is _MISSING:
        return False
    return identical(left, right)


def _ordered(compare: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    def ordered(left: Json, right: Json) -> bool:
        both_texts = isinstance(left, str) and isinstance(right, str)
        return (both_texts or (_is_number(left) and _is_number(right))) and compare(left, right)

    return ordered


def _matches(left: Json, right: Json) -> bool:
    if isinstance(left, re.Pattern):
        left, right = right, left
    if not isinstance(right, re.Pattern) or not (isinstance(left, str) or _is_number(left)):
        return False
    return right.fullmatch(str(left)) is not None


def _is_in(left: Json, right: Json) -> bool:
    return isinstance(right, list) and any(_equal(left, each) for each in right)


def _contains(left: Json, right: Json) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _is_in(right, left)


def _size(left: Json, right: Json) -> bool:
    return isinstance(left, list | str) and _is_number(right) and len(left) == right


def _empty(left: Json, right: Json) -> bool:
    return isinstance(left, list | str) and isinstance(right, bool) and (not left) == right


def _any_of(left: Json, right: Json) -> bool:
    return isinstance(left, list) and any(_is_in(each, right) for each in left)


def _subset_of(left: Json, right: Json) -> bool:
    return (
        isinstance(left, list)
        and isinstance(right, list)
        and all(_is_in(each, right) for each in left)
    )


def _none_of(left: Json, right: Json) -> bool:
    return isinstance(left, list) and isinstance(right, list) and not _any_of(left, right)


# The longer of two that start alike comes first.
_OPERATORS: dict[str, Callable[[Json, Json], bool]] = {
    "===": _strictly_equal,
    "!==": lambda left, right: not _strictly_equal(left, right),
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<=": _ordered(operator.le),
    ">=": _ordered(operator.ge),
    "<": _ordered(operator.lt),
    ">": _ordered(operator.gt),
    "=~": _matches,
    "in": _is_in,
    "nin": lambda left, right: not _is_in(left, right),
    "contains": _contains,
    "size": _size,
    "empty": _empty,
    "anyof": _any_of,
    "subsetof": _subset_of,
    "noneof": _none_of,
}
