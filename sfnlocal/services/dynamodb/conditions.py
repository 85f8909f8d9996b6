"""Conditions: ConditionExpression, FilterExpression, and what KeyConditionExpression is read from.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from sfnlocal.services.dynamodb.lexer import ExpressionError, Tokens
from sfnlocal.services.dynamodb.operands import (
    FUNCTIONS,
    Bound,
    Operand,
    check_count,
    parse_call,
    parse_operand,
    wrong_type,
)
from sfnlocal.services.dynamodb.paths import shown_path
from sfnlocal.services.dynamodb.scope import Scope
from sfnlocal.services.dynamodb.values import (
    TYPES,
    Item,
    Value,
    contains,
    equal,
    is_ordered,
    ordered,
    shown,
    type_of,
)

Predicate: TypeAlias = Callable[[Item], bool]

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_IN_OPERANDS_MAX = 100
_ORDERS: Mapping[str, Callable[..., bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPARATORS = ("=", "<>", *_ORDERS)


@dataclass(frozen=True, slots=True)
class Both:
    left: Condition
    right: Condition

    def bind(self, scope: Scope) -> Predicate:
        left, right = self.left.bind(scope), self.right.bind(scope)
        return lambda item: left(item) and right(item)


@dataclass(frozen=True, slots=True)
class Either:
    left: Condition
    right: Condition

    def bind(self, scope: Scope) -> Predicate:
        left, right = self.left.bind(scope), self.right.bind(scope)
        return lambda item: left(item) or right(item)


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition

    def bind(self, scope: Scope) -> Predicate:
        condition = self.condition.bind(scope)
        return lambda item: not condition(item)


@dataclass(frozen=True, slots=True)
class Comparison:
    comparator: str
    left: Operand
    right: Operand

    def bind(self, scope: Scope) -> Predicate:
        left, right = self.left.bind(scope), self.right.bind(scope)
        if left.path is not None and left.path == right.path:
            raise ExpressionError(
                "The first operand must be distinct from the remaining operands for this operator "
                f"or function; operator: {self.comparator}, first operand: "
                f"{shown_path(left.path)}"
            )
        if self.comparator == "=":
            return _is_equal(left, right)
        if self.comparator == "<>":
            same = _is_equal(left, right)
            return lambda item: not same(item)
        _check_ordered(self.comparator, left, right)
        return _compares(left, right, _ORDERS[self.comparator])


@dataclass(frozen=True, slots=True)
class Between:
    operand: Operand
    lower: Operand
    upper: Operand

    def bind(self, scope: Scope) -> Predicate:
        operand = self.operand.bind(scope)
        lower, upper = self.lower.bind(scope), self.upper.bind(scope)
        _check_ordered("BETWEEN", operand, lower, upper)
        _check_bounds(lower.value, upper.value)
        above = _compares(lower, operand, operator.le)
        below = _compares(operand, upper, operator.le)
        return lambda item: above(item) and below(item)


@dataclass(frozen=True, slots=True)
class In:
    operand: Operand
    members: tuple[Operand, ...]

    def bind(self, scope: Scope) -> Predicate:
        operand = self.operand.bind(scope)
        tests = [_is_equal(operand, member.bind(scope)) for member in self.members]
        return lambda item: any(test(item) for test in tests)


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    operands: tuple[Operand, ...]

    def bind(self, scope: Scope) -> Predicate:
        return _FUNCTIONS[self.name](*(operand.bind(scope) for operand in self.operands))


Condition: TypeAlias = Both | Either | Not | Comparison | Between | In | Call


def _is_equal(left: Bound, right: Bound) -> Predicate:
    get, wanted = left.get, right.get

    def test(item: Item) -> bool:
        one, other = get(item), wanted(item)
        return one is not None and other is not None and equal(one, other)

    return test


def _compares(left: Bound, right: Bound, order: Callable[..., bool]) -> Predicate:
    get_left, get_right = left.get, right.get

    def test(item: Item) -> bool:
        one, other = get_left(item), get_right(item)
        if one is None or other is None:
            return False
        kind = type_of(one)
        return kind in other and is_ordered(kind) and order(ordered(one), ordered(other))

    return test


def _check_ordered(name: str, *operands: Bound) -> None:
    for operand in operands:
        if operand.kind is not None and not is_ordered(operand.kind):
            raise wrong_type(f"operator: {name}", operand.kind)


def _check_bounds(lower: Value | None, upper: Value | None) -> None:
    if lower is None or upper is None:
        return
    if type_of(lower) != type_of(upper):
        wanted = "same data type for lower and upper bounds"
    elif ordered(lower) > ordered(upper):  # type: ignore[operator]
        wanted = "upper bound to be greater than or equal to lower bound"
    else:
        return
    raise ExpressionError(
        f"The BETWEEN operator requires {wanted}; lower bound operand: AttributeValue: "
        f"{shown(lower)}, upper bound operand: AttributeValue: {shown(upper)}"
    )


# Functions


def _exists(operand: Bound) -> Predicate:
    get = _get_of_path("attribute_exists", operand)
    return lambda item: get(item) is not None


def _not_exists(operand: Bound) -> Predicate:
    get = _get_of_path("attribute_not_exists", operand)
    return lambda item: get(item) is None


def _get_of_path(function: str, operand: Bound) -> Callable[[Item], Value | None]:
    if operand.path is None:
        raise ExpressionError(
            f"Operator or function requires a document path; operator or function: {function}"
        )
    return operand.get


def _has_type(operand: Bound, wanted: Bound) -> Predicate:
    if wanted.value is None or wanted.kind != "S":
        raise wrong_type("operator or function: attribute_type", wanted.kind or "PATH")
    kind = wanted.value["S"]
    if kind not in TYPES:
        raise ExpressionError(
            f"Invalid attribute type name found; type: {kind}, valid types: {{{','.join(TYPES)}}}"
        )
    get = operand.get
    return lambda item: kind in (get(item) or ())


def _begins_with(operand: Bound, prefix: Bound) -> Predicate:
    for one in (operand, prefix):
        if one.kind is not None and one.kind not in ("S", "B"):
            raise wrong_type("operator or function: begins_with", one.kind)
    get, get_prefix = operand.get, prefix.get

    def test(item: Item) -> bool:
        one, other = get(item), get_prefix(item)
        if one is None or other is None:
            return False
        kind = type_of(one)
        return kind in ("S", "B") and kind in other and one[kind].startswith(other[kind])

    return test


def _contains(operand: Bound, part: Bound) -> Predicate:
    get, get_part = operand.get, part.get

    def test(item: Item) -> bool:
        one, other = get(item), get_part(item)
        return one is not None and other is not None and contains(one, other)

    return test


_FUNCTIONS: Mapping[str, Callable[..., Predicate]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _not_exists,
    "attribute_type": _has_type,
    "begins_with": _begins_with,
    "contains": _contains,
}


# Parsing


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Condition:
    """Raises ExpressionError."""
    tokens = Tokens(text)
    condition = _either(tokens)
    tokens.expect_end()
    return condition


def _either(tokens: Tokens, first: Condition | None = None) -> Condition:
    """`first` is what has been read of it already."""
    condition = _both(tokens, first)
    while tokens.take_word("OR"):
        condition = Either(condition, _both(tokens))
    return condition


def _both(tokens: Tokens, first: Condition | None = None) -> Condition:
    condition = first or _not(tokens)
    while tokens.take_word("AND"):
        condition = Both(condition, _not(tokens))
    return condition


def _not(tokens: Tokens) -> Condition:
    return Not(_not(tokens)) if tokens.take_word("NOT") else _single(tokens)


def _single(tokens: Tokens) -> Condition:
    if tokens.take_if("("):
        opened_twice = tokens.next.text == "("
        condition = _single(tokens) if opened_twice else None
        if opened_twice and tokens.next.text == ")":
            raise ExpressionError("The expression has redundant parentheses;")
        condition = _either(tokens, condition)
        tokens.expect(")")
        return condition
    token = tokens.next
    if token.kind == "word" and tokens.after_next.text == "(" and token.text != "size":
        return _call(tokens)
    return _comparison(tokens)


def _call(tokens: Tokens) -> Condition:
    name, operands = parse_call(tokens)
    if name not in FUNCTIONS:
        raise ExpressionError(f"Invalid function name; function: {name}")
    check_count(name, operands)
    return Call(name, tuple(operands))


def _comparison(tokens: Tokens) -> Condition:
    operand = parse_operand(tokens)
    comparator = tokens.take_if(*_COMPARATORS)
    if comparator is not None:
        return Comparison(comparator.text, operand, parse_operand(tokens))
    if tokens.take_word("BETWEEN"):
        lower = parse_operand(tokens)
        if not tokens.take_word("AND"):
            tokens.refuse()
        return Between(operand, lower, parse_operand(tokens))
    if not tokens.take_word("IN"):
        tokens.refuse()
    return In(operand, _members(tokens))


def _members(tokens: Tokens) -> tuple[Operand, ...]:
    tokens.expect("(")
    members = [parse_operand(tokens)]
    while tokens.take_if(","):
        members.append(parse_operand(tokens))
    tokens.expect(")")
    if len(members) > _IN_OPERANDS_MAX:
        raise ExpressionError(
            "The IN operator is provided with too many operands; "
            f"number of operands: {len(members)}"
        )
    return tuple(members)
