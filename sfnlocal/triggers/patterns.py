"""Event patterns: the language in which rules, archives, pipes, mappings and subscriptions say
which events they want.

Strategy: a pattern is compiled once into nodes: objects ask all of their fields, leaves ask one
field's value. What an array of the event holds matches where any element does; an object of the
pattern must be met by one and the same element.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.limits import EVENT_PATTERN_CHARS_MAX, EVENT_PATTERN_COMBINATIONS_MAX
from sfnlocal.ports import Json
from sfnlocal.triggers.patterns_operators import (
    OPERATORS,
    PatternError,
    Test,
    anything_but,
    is_number,
)

_ABSENT = object()
_SCALARS = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs where another service takes the same language: `without` are operators that it
    refuses (`wildcard`, `anything-but/prefix`), `aws_code` and `opening` how it does so.
    `equal_numbers`: is 300 also 300.0?"""

    aws_code: str = "InvalidEventPatternException"
    opening: str = "Event pattern is not valid. Reason: "
    chars_max: int = EVENT_PATTERN_CHARS_MAX
    without: frozenset[str] = field(default_factory=frozenset)
    equal_numbers: bool = False


EVENT_BUS = Dialect()


def compile_pattern(pattern: Json | str, dialect: Dialect = EVENT_BUS) -> Pattern:
    """A pattern from JSON or its text. ApiError in AWS's words, with a pointer to what is wrong."""
    try:
        if isinstance(pattern, str):
            text, pattern = pattern, _parsed(pattern)
        else:
            text = json.dumps(pattern, separators=(",", ":"), ensure_ascii=False)
        if len(text) > dialect.chars_max:
            raise PatternError(
                f"Event pattern is {len(text)} characters long, of {dialect.chars_max} at most"
            )
        if not isinstance(pattern, dict):
            raise PatternError("Filter is not an object")
        root, combinations = _Compiler(dialect).object(pattern, "")
        if combinations > EVENT_PATTERN_COMBINATIONS_MAX:
            raise PatternError(
                f"$or makes {combinations} combinations, of "
                f"{EVENT_PATTERN_COMBINATIONS_MAX} at most"
            )
        return Pattern(root)
    except PatternError as refused:
        raise ApiError(dialect.aws_code, dialect.opening + str(refused)) from None


def _parsed(text: str) -> Json:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise PatternError(f"{error.msg} at line: {error.lineno}, column: {error.colno}") from None


def _without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PatternError(f'Path "{twice}" cannot be allowed multiple times')
    return found


class Pattern:
    """A compiled pattern. `matches` takes an event as `json.loads` gives it."""

    __slots__ = ("_exact_strings", "matches")

    def __init__(self, root: _Object) -> None:
        self.matches = root.meets
        self._exact_strings = dict(root.exact_strings(()))

    def exact_strings(self) -> Mapping[tuple[str, ...], frozenset[str]]:
        """By path, the strings of which an event must have one to match: what an index can go
        by."""
        return self._exact_strings


class _Leaf:
    """What one field may be: exact values, what operators ask for, or absent. `accepts` is asked of
    a scalar, `meets` of an array, an object or nothing."""

    __slots__ = ("_strings", "accepts", "accepts_absence", "meets", "only_absent")

    def __init__(
        self, exact: list[Json], tests: list[Test], *, absent: bool, equal_numbers: bool
    ) -> None:
        strings = frozenset(value for value in exact if isinstance(value, str))
        others = [value for value in exact if not isinstance(value, str)]
        tests = [*tests, *([_one_of(others, equal_numbers)] if others else [])]
        self.accepts = _acceptance(strings, tuple(tests))
        self.meets = _any_scalar(self.accepts, absent)
        self.accepts_absence = absent
        self.only_absent = absent and not strings and not tests
        self._strings = strings if not tests and not absent else frozenset()

    def exact_strings(
        self, path: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
        if self._strings:
            yield path, self._strings


def _any_scalar(accepts: Test, absent: bool) -> Test:
    def meets(value: Json) -> bool:
        if type(value) is not list:
            return absent
        scalars = list(_scalars(value))
        return any(map(accepts, scalars)) if scalars else absent

    return meets


def _acceptance(strings: frozenset[str], tests: tuple[Test, ...]) -> Test:
    if not tests:
        return lambda value: type(value) is str and value in strings
    if not strings and len(tests) == 1:
        return tests[0]
    return lambda value: (
        (type(value) is str and value in strings) or any(test(value) for test in tests)
    )


def _one_of(values: list[Json], equal_numbers: bool) -> Test:
    """Numbers are compared as they are written: 300 is not 300.0; 1 is not true."""

    def typed(value: Json) -> tuple[type, Json]:
        return (float if equal_numbers and is_number(value) else type(value)), value

    wanted = frozenset(typed(value) for value in values)
    return lambda value: typed(value) in wanted


def _scalars(values: list[Json]) -> Iterator[Json]:
    for value in values:
        if type(value) is list:
            yield from _scalars(value)
        elif type(value) is not dict:
            yield value


class _Object:
    """Fields that must all match, in one object; of each `$or`, one alternative must."""

    __slots__ = ("_nodes", "accepts_absence", "meets", "only_absent")

    def __init__(self, nodes: dict[str, _Node], alternatives: list[tuple[_Object, ...]]) -> None:
        self._nodes = nodes
        groups = [[node] for node in nodes.values()] + [list(one) for one in alternatives]
        self.accepts_absence: bool = all(
            any(node.accepts_absence for node in one) for one in groups
        )
        self.only_absent: bool = all(node.only_absent for one in groups for node in one)
        self.meets = self._test(alternatives)

    def _test(self, alternatives: list[tuple[_Object, ...]]) -> Test:
        nodes = self._nodes.items()
        objects = tuple((name, one.meets) for name, one in nodes if isinstance(one, _Object))
        leaves = tuple(
            (name, one.accepts, one.meets) for name, one in nodes if isinstance(one, _Leaf)
        )
        choices = tuple(tuple(one.meets for one in group) for group in alternatives)
        absent = self.accepts_absence
        # A field is absent where no element has it.
        quantifier = all if self.only_absent else any

        def meets(event: Json) -> bool:
            if type(event) is not dict:
                return among(event)
            # What lies deeper tells events apart soonest.
            for name, met in objects:
                if not met(event.get(name, _ABSENT)):
                    return False
            for name, accepts, met in leaves:
                value = event.get(name, _ABSENT)
                if not (accepts(value) if type(value) in _SCALARS else met(value)):
                    return False
            return not choices or all(any(test(event) for test in tests) for tests in choices)

        def among(value: Json) -> bool:
            return quantifier(map(meets, value)) if type(value) is list and value else absent

        return meets

    def exact_strings(
        self, path: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
        for name, node in self._nodes.items():
            yield from node.exact_strings((*path, name))


_Node: TypeAlias = _Leaf | _Object


class _Compiler:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def object(self, pattern: dict[str, Json], pointer: str) -> tuple[_Object, int]:
        """The node, and in how many ways its `$or`s can be met."""
        if not pattern:
            raise _refused("Empty objects are not allowed", pointer)
        fields: dict[str, _Node] = {}
        alternatives: list[tuple[_Object, ...]] = []
        combinations = 1
        for name, value in pattern.items():
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name == "$or" and _is_or(value):
                made = [self.object(one, f"{place}/{at}") for at, one in enumerate(value)]
                alternatives.append(tuple(node for node, _ in made))
                combinations *= sum(count for _, count in made)
            elif isinstance(value, dict):
                fields[name], count = self.object(value, place)
                combinations *= count
            elif isinstance(value, list):
                fields[name] = self._leaf(value, place)
            else:
                raise _refused(f'"{name}" must be an object or an array', place)
        return _Object(fields, alternatives), combinations

    def _leaf(self, values: list[Json], pointer: str) -> _Leaf:
        if not values:
            raise _refused("Empty arrays are not allowed", pointer)
        exact: list[Json] = []
        tests: list[Test] = []
        absent = False
        for at, value in enumerate(values):
            place = f"{pointer}/{at}"
            if isinstance(value, list):
                raise _refused("Match value must be String, number, true, false, or null", place)
            if not isinstance(value, dict):
                exact.append(value)
                continue
            if len(value) != 1:
                raise _refused(
                    "Only one key allowed in match expression"
                    if value
                    else "Match expression name not found",
                    place,
                )
            [(name, argument)] = value.items()
            if name == "exists":
                absent |= argument is False
                if argument is True:
                    tests.append(lambda value: True)
                elif argument is not False:
                    raise _refused("exists match pattern must be either true or false.", place)
                continue
            try:
                tests.append(self._test(name, argument))
            except PatternError as refused:
                raise _refused(str(refused), place) from None
        equal_numbers = self._dialect.equal_numbers
        return _Leaf(exact, tests, absent=absent, equal_numbers=equal_numbers)

    def _test(self, name: str, argument: Json) -> Test:
        if name == "anything-but":
            return anything_but(argument, self._supports)
        if name not in OPERATORS or not self._supports(name):
            raise PatternError(f"Unrecognized match type {name}")
        if isinstance(argument, dict) and not self._supports(f"{name}/{next(iter(argument), '')}"):
            raise PatternError(f"{name} match pattern must be a string")
        return OPERATORS[name](argument)

    def _supports(self, operator: str) -> bool:
        return operator not in self._dialect.without


def _is_or(value: Json) -> bool:
    """Else `$or` is the name of a field."""
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(isinstance(one, dict) for one in value)
        and not any(name in _MATCH_TYPES for one in value for name in one)
    )


_MATCH_TYPES = frozenset({*OPERATORS, "anything-but", "exists"})


def _refused(reason: str, pointer: str) -> PatternError:
    return PatternError(f"{reason} at {pointer}" if pointer else reason)
