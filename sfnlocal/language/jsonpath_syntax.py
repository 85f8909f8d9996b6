"""Reads the text of a JSONPath into steps, in the dialect that Step Functions speaks.

AWS names "JsonPath syntax" and answers with the words of the Java library of that name, so its
dialect is the one read here: dots or brackets, `*`, `..`, slices, lists of names or indexes,
filters `[?(...)]` and a function at the end. A recursive descent over the text, one character
class at a time; filters stand in jsonpath_filter.
https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
https://github.com/json-path/JsonPath#operators
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias, TypeVar

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json


class PathSyntaxError(ValueError):
    """Not a JSONPath. `position` is the offset of the character that cannot be read."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*`: every value of an object, every item of a list."""


@dataclass(frozen=True, slots=True)
class Deep:
    """`..`: the value itself and everything below it, parents first."""


@dataclass(frozen=True, slots=True)
class Names:
    """`['a','b']`: at the end of a path one object of those properties, before it each value."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "[" + ",".join(f"'{name}'" for name in self.names) + "]"


@dataclass(frozen=True, slots=True)
class Indexes:
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    start: int | None
    stop: int | None


Condition: TypeAlias = Callable[[Json, Json], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """`accepts(current, root)` decides on one object."""

    accepts: Condition


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()` and its like; only ever the last step."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}()"


Step: TypeAlias = str | int | Wildcard | Deep | Names | Indexes | Slice | Filter | Function

_T = TypeVar("_T")

# What ends a name after a dot. Inside a filter an operator ends it too.
_NAME_ENDS = frozenset(" \t\r\n.[]()'\",*?")
_FILTER_NAME_ENDS = _NAME_ENDS | frozenset("<>=!&|~")
# Names after dots, and nothing else: nearly every path.
_PLAIN = re.compile(rf"\$(\.[^{re.escape(''.join(sorted(_NAME_ENDS)))}]+)*")
FUNCTIONS = frozenset({"length", "size", "keys", "sum", "min", "max", "avg", "stddev"})
_FUNCTIONS_NOT_HERE = frozenset({"concat", "append", "first", "last", "index"})


class Reader:
    """A text and how far it has been read. `read_condition` reads what stands in `[?(...)]`: it
    is passed in, because a path holds filters and a filter holds paths."""

    def __init__(self, text: str, read_condition: Callable[[Reader], Condition]) -> None:
        self.text = text
        self.position = 0
        self.read_condition = read_condition

    def peek(self, length: int = 1) -> str:
        return self.text[self.position : self.position + length]

    def take(self, expected: str) -> bool:
        if not self.text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def need(self, expected: str) -> None:
        if not self.take(expected):
            self.fail(f"expected {expected!r}")

    def skip_space(self) -> None:
        while self.peek() in (" ", "\t", "\r", "\n"):
            self.position += 1

    def integer(self) -> int | None:
        start = self.position
        self.take("-")
        while self.peek().isdecimal() and self.peek().isascii():
            self.position += 1
        digits = self.text[start : self.position]
        if digits in ("", "-"):
            self.position = start
            return None
        if len(digits) > 10:
            self.fail("an index that is too large")
        return int(digits)

    def quoted(self) -> str:
        """A quoted text. A backslash before the quote or a backslash escapes it; before anything
        else it stands for itself (recorded: `$['Test\\""Name"']` finds the name `Test\\""Name"`).
        """
        quote = self.peek()
        self.position += 1
        read: list[str] = []
        while (character := self.peek()) != quote:
            if character == "":
                self.fail("a quote that is not closed")
            if character == "\\" and self.peek(2)[1:] in (quote, "\\"):
                self.position += 1
                character = self.peek()
            read.append(character)
            self.position += 1
        self.position += 1
        return "".join(read)

    def fail(self, message: str) -> NoReturn:
        raise PathSyntaxError(f"{message} at character {self.position}", self.position)


def read_path(reader: Reader) -> tuple[Step, ...]:
    """The steps of a whole path that starts with `$`. Raises PathSyntaxError."""
    if _PLAIN.fullmatch(reader.text):
        return tuple(reader.text.split(".")[1:])
    reader.need("$")
    try:
        steps = read_steps(reader)
    except RecursionError:
        raise PathSyntaxError("the path is nested too deeply", 0) from None
    if reader.position != len(reader.text):
        reader.fail(f"unexpected {reader.peek()!r}")
    return steps


def read_steps(reader: Reader, *, in_filter: bool = False) -> tuple[Step, ...]:
    """The steps from here to the first character that cannot continue a path."""
    name_ends = _FILTER_NAME_ENDS if in_filter else _NAME_ENDS
    steps: list[Step] = []
    while True:
        if reader.take(".."):
            steps.append(Deep())
            if reader.peek() == "[":
                steps.append(_bracket(reader))
                continue
        elif reader.take("."):
            if reader.peek() == "[":
                steps.append(_bracket(reader))
                continue
        elif reader.peek() == "[":
            steps.append(_bracket(reader))
            continue
        else:
            return tuple(steps)
        if reader.take("*"):
            steps.append(Wildcard())
            continue
        name = _name(reader, name_ends)
        if reader.take("("):
            steps.append(_function(reader, name, steps))
            return tuple(steps)
        steps.append(name)


def _name(reader: Reader, ends: frozenset[str]) -> str:
    start = reader.position
    while (character := reader.peek()) and character not in ends:
        reader.position += 1
    if reader.position == start:
        reader.fail("expected a name")
    return reader.text[start : reader.position]


def _function(reader: Reader, name: str, before: list[Step]) -> Function:
    if name in _FUNCTIONS_NOT_HERE:
        raise UnsupportedError(f"the JSONPath function {name}()", where=reader.text)
    if name not in FUNCTIONS:
        reader.fail(f"no function {name}()")
    reader.skip_space()
    if not reader.take(")"):
        raise UnsupportedError(f"arguments of the JSONPath function {name}()", where=reader.text)
    if not is_definite(before):
        raise UnsupportedError(
            f"the JSONPath function {name}() after a wildcard, slice or filter",
            where=reader.text,
            hint="put the values into a list in one state, apply the function in the next",
        )
    return Function(name)


def _bracket(reader: Reader) -> Step:
    reader.need("[")
    reader.skip_space()
    step: Step
    if reader.take("*"):
        step = Wildcard()
    elif reader.peek() in ("'", '"'):
        names = _listed(reader, _quoted)
        step = names[0] if len(names) == 1 else Names(names)
    elif reader.take("?"):
        step = _filter(reader)
    else:
        step = _indexes(reader)
    reader.skip_space()
    reader.need("]")
    return step


def _filter(reader: Reader) -> Filter:
    reader.skip_space()
    reader.need("(")
    accepts = reader.read_condition(reader)
    reader.skip_space()
    reader.need(")")
    return Filter(accepts)


def _indexes(reader: Reader) -> Step:
    start = reader.integer()
    reader.skip_space()
    if reader.take(":"):
        reader.skip_space()
        stop = reader.integer()
        reader.skip_space()
        if reader.peek() == ":":
            raise UnsupportedError("a JSONPath slice with a step", where=reader.text)
        if start is None and stop is None:
            reader.fail("a slice needs a start or an end")
        return Slice(start, stop)
    if start is None:
        reader.fail("expected a name in quotes, an index, a slice, * or a filter")
    if reader.peek() != ",":
        return start
    reader.need(",")
    return Indexes((start, *_listed(reader, _index)))


def _listed(reader: Reader, read: Callable[[Reader], _T]) -> tuple[_T, ...]:
    values = []
    while True:
        reader.skip_space()
        values.append(read(reader))
        reader.skip_space()
        if not reader.take(","):
            return tuple(values)


def _quoted(reader: Reader) -> str:
    if reader.peek() not in ("'", '"'):
        reader.fail("expected a name in quotes")
    return reader.quoted()


def _index(reader: Reader) -> int:
    index = reader.integer()
    if index is None:
        reader.fail("expected an index")
    return index


def is_definite(steps: list[Step] | tuple[Step, ...]) -> bool:
    """Whether the path can find at most one value."""
    last = len(steps) - 1
    return all(
        isinstance(step, str | int | Function) or (isinstance(step, Names) and place == last)
        for place, step in enumerate(steps)
    )
