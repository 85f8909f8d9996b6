"""Choice rules of JSONPath states: 39 comparison operators and And, Or, Not.

A rule compiles to one function of (data, scope). A value of another type than the operator's
never matches; a Variable or Path that finds nothing fails the state (only IsPresent may ask).
https://states-language.net/spec.html#choice-state
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TypeAlias

from sfnlocal.errors import StateError
from sfnlocal.jsontext import json_text
from sfnlocal.language.fields import Fields
from sfnlocal.language.jsonpath import PathMissing
from sfnlocal.language.paths import RUNTIME, Getter, PathField
from sfnlocal.language.program import Scope
from sfnlocal.language.timestamps import is_timestamp, parse_timestamp
from sfnlocal.language.wording import is_number
from sfnlocal.ports import Json

Condition: TypeAlias = Callable[[Json, Scope], bool]
_Key: TypeAlias = Callable[[Json], Json]
_Compare: TypeAlias = Callable[[Json, Json], bool]

_IS: dict[str, Callable[[Json], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": is_number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: isinstance(value, str) and is_timestamp(value),
}


def _number(value: Json) -> Json:
    return value if is_number(value) else None


def _boolean(value: Json) -> Json:
    return value if isinstance(value, bool) else None


def _text(value: Json) -> Json:
    """Strings sort by UTF-16 code units, as in Java."""
    return value.encode("utf-16-be", "surrogatepass") if isinstance(value, str) else None


def _instant(value: Json) -> Json:
    if not isinstance(value, str):
        return None
    try:
        return parse_timestamp(value)
    except ValueError:
        return None


_KEYS: dict[str, tuple[_Key, str]] = {
    "String": (_text, "a string"),
    "Numeric": (_number, "a number"),
    "Boolean": (_boolean, "a boolean"),
    "Timestamp": (_instant, "an RFC 3339 timestamp"),
}

_COMPARES: dict[str, _Compare] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}

# Operator name -> what makes its values comparable, what they are called, how they compare.
_COMPARISONS: dict[str, tuple[_Key, str, _Compare]] = {
    f"{kind}{name}": (*key, compare)
    for kind, key in _KEYS.items()
    for name, compare in _COMPARES.items()
    if kind != "Boolean" or name == "Equals"
}

OPERATORS = frozenset(
    {*_COMPARISONS, *(f"{name}Path" for name in _COMPARISONS), *_IS, "IsPresent", "StringMatches"}
)
_COMBINATIONS = ("And", "Or", "Not")


def compile_rule(rule: Fields) -> Condition:
    """The rule's condition. The caller reads Next and Assign, and closes the rule."""
    combination = rule.one_of(*_COMBINATIONS)
    if combination is None:
        return _comparison(rule)
    if "Variable" in rule:
        rule.error(f"There should only be one of the following fields: [{combination}, Variable]")
        rule.take("Variable")
    if combination == "Not":
        inner = _inner(rule.child(rule.take("Not"), "Not"))
        return lambda data, scope: not inner(data, scope)
    entries = rule.array(combination) or []
    conditions = tuple(
        _inner(rule.child(entry, combination, index)) for index, entry in enumerate(entries)
    )
    if combination == "And":
        return lambda data, scope: all(condition(data, scope) for condition in conditions)
    return lambda data, scope: any(condition(data, scope) for condition in conditions)


def _inner(rule: Fields) -> Condition:
    condition = compile_rule(rule)
    rule.string("Comment")
    if "Next" in rule:
        rule.take("Next")
        rule.error("Field 'Next' is not supported", hint="only the outermost rule has a Next")
    rule.close()
    return condition


def _never(_data: Json, _scope: Scope) -> bool:
    return False


def _comparison(rule: Fields) -> Condition:
    rule.require("Variable")
    variable = rule.reference("Variable")
    names = [name for name in rule.values if name in OPERATORS]
    if len(names) != 1:
        rule.error(
            "Exactly one comparison operator is required",
            hint=f"found [{', '.join(names)}]" if names else "such as StringEquals or IsPresent",
        )
    if variable is None or len(names) != 1:
        for name in names:
            rule.take(name)
        return _never
    name = names[0]
    if name in _IS or name == "IsPresent":
        return _is(rule, name, variable)
    if name == "StringMatches":
        return _matches(rule, variable)
    if name.endswith("Path"):
        return _compared_with_path(rule, name, variable)
    return _compared(rule, name, variable)


def _must_find(path: PathField) -> Getter:
    get, text = path.get, path.text

    def find(data: Json, scope: Scope) -> Json:
        try:
            return get(data, scope)
        except PathMissing:
            raise StateError(
                RUNTIME,
                f"Invalid path '{text}': The choice state's condition path references an invalid "
                "value.",
            ) from None

    return find


def _is(rule: Fields, name: str, variable: PathField) -> Condition:
    wanted = rule.flag(name)
    if name != "IsPresent":
        find, test = _must_find(variable), _IS[name]
        return lambda data, scope: test(find(data, scope)) is wanted
    get = variable.get

    def present(data: Json, scope: Scope) -> bool:
        try:
            get(data, scope)
        except PathMissing:
            return not wanted
        return bool(wanted)

    return present


def _compared(rule: Fields, name: str, variable: PathField) -> Condition:
    key, kind, compare = _COMPARISONS[name]
    operand = key(rule.take(name))
    if operand is None:
        rule.error(f"Expected {kind}", name, hint=f"found {json_text(rule.values[name])[:80]}")
        return _never
    find = _must_find(variable)

    def compared(data: Json, scope: Scope) -> bool:
        value = key(find(data, scope))
        return value is not None and compare(value, operand)

    return compared


def _compared_with_path(rule: Fields, name: str, variable: PathField) -> Condition:
    path = rule.reference(name)
    if path is None:
        return _never
    key, _kind, compare = _COMPARISONS[name.removesuffix("Path")]
    find, find_operand = _must_find(variable), _must_find(path)

    def compared(data: Json, scope: Scope) -> bool:
        value, operand = key(find(data, scope)), key(find_operand(data, scope))
        return value is not None and operand is not None and compare(value, operand)

    return compared


def _matches(rule: Fields, variable: PathField) -> Condition:
    text = rule.string("StringMatches")
    if text is None:
        return _never
    try:
        matches = _glob(text)
    except ValueError as error:
        rule.error(str(error), "StringMatches", hint="escape with \\\\* and \\\\\\\\ only")
        return _never
    find = _must_find(variable)

    def matched(data: Json, scope: Scope) -> bool:
        value = find(data, scope)
        return isinstance(value, str) and matches.fullmatch(value) is not None

    return matched


def _glob(text: str) -> re.Pattern[str]:
    """`*` is any text; `\\*` and `\\\\` are the character itself."""
    if not re.fullmatch(r"(?:[^\\]|\\[*\\])*", text, re.DOTALL):
        raise ValueError(f"'{text}' has an escape that is neither \\* nor \\\\")
    parts = re.findall(r"\\.|[^\\]", text, re.DOTALL)
    return re.compile(
        "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts), re.DOTALL
    )
