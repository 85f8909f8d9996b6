"""What SET sets a path to: values, paths, sums, `if_not_exists` and `list_append`.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sfnlocal.services.dynamodb.errors import invalid
from sfnlocal.services.dynamodb.lexer import ExpressionError, Tokens
from sfnlocal.services.dynamodb.operands import FUNCTIONS, wrong_type
from sfnlocal.services.dynamodb.paths import Path, follow, parse_path
from sfnlocal.services.dynamodb.scope import Scope
from sfnlocal.services.dynamodb.values import Item, Value, minus, plus, type_of

# Raises ApiError where the item has not what it takes.
Get: TypeAlias = Callable[[Item], Value]
_ARITHMETIC = {"+": plus, "-": minus}


@dataclass(frozen=True, slots=True)
class Constant:
    token: str

    def bind(self, scope: Scope) -> Get:
        value = scope.value(self.token)
        return lambda item: value

    def kind(self, scope: Scope) -> str | None:
        return type_of(scope.value(self.token))


@dataclass(frozen=True, slots=True)
class Attribute:
    path: Path

    def bind(self, scope: Scope) -> Get:
        path = scope.path(self.path)

        def get(item: Item) -> Value:
            value = follow(item, path)
            if value is None:
                raise invalid(
                    "The provided expression refers to an attribute that does not exist in the item"
                )
            return value

        return get

    def kind(self, scope: Scope) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: str
    left: SetOperand
    right: SetOperand

    def bind(self, scope: Scope) -> Get:
        for operand in (self.left, self.right):
            kind = operand.kind(scope)
            if kind not in (None, "N"):
                raise wrong_type(f"operator or function: {self.operator}", str(kind))
        left, right = self.left.bind(scope), self.right.bind(scope)
        compute = _ARITHMETIC[self.operator]

        def get(item: Item) -> Value:
            one, other = left(item), right(item)
            if "N" not in one or "N" not in other:
                raise _incorrect()
            return compute(one, other)

        return get

    def kind(self, scope: Scope) -> str | None:
        return "N"


@dataclass(frozen=True, slots=True)
class IfNotExists:
    path: Path
    otherwise: SetOperand

    def bind(self, scope: Scope) -> Get:
        path, otherwise = scope.path(self.path), self.otherwise.bind(scope)

        def get(item: Item) -> Value:
            value = follow(item, path)
            return otherwise(item) if value is None else value

        return get

    def kind(self, scope: Scope) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class ListAppend:
    left: SetOperand
    right: SetOperand

    def bind(self, scope: Scope) -> Get:
        for operand in (self.left, self.right):
            kind = operand.kind(scope)
            if kind not in (None, "L"):
                raise wrong_type("operator or function: list_append", str(kind))
        left, right = self.left.bind(scope), self.right.bind(scope)

        def get(item: Item) -> Value:
            one, other = left(item), right(item)
            if "L" not in one or "L" not in other:
                raise _incorrect()
            return {"L": [*one["L"], *other["L"]]}

        return get

    def kind(self, scope: Scope) -> str | None:
        return "L"


SetOperand: TypeAlias = Constant | Attribute | Arithmetic | IfNotExists | ListAppend


def _incorrect() -> Exception:
    return invalid("An operand in the update expression has an incorrect data type")


def parse_set_operand(tokens: Tokens) -> SetOperand:
    left = _single(tokens)
    operator = tokens.take_if("+", "-")
    return left if operator is None else Arithmetic(operator.text, left, _single(tokens))


def _single(tokens: Tokens) -> SetOperand:
    if tokens.take_if("("):
        operand = parse_set_operand(tokens)
        tokens.expect(")")
        return operand
    if tokens.next.kind == "value":
        return Constant(tokens.take().text)
    if tokens.next.kind == "word" and tokens.after_next.text == "(":
        return _call(tokens)
    return Attribute(parse_path(tokens))


def _call(tokens: Tokens) -> SetOperand:
    name = tokens.take().text
    if name not in ("if_not_exists", "list_append"):
        if name in FUNCTIONS:
            raise ExpressionError(
                f"The function is not allowed in an update expression; function: {name}"
            )
        raise ExpressionError(f"Invalid function name; function: {name}")
    tokens.expect("(")
    operands = [parse_set_operand(tokens)]
    while tokens.take_if(","):
        operands.append(parse_set_operand(tokens))
    tokens.expect(")")
    if len(operands) != 2:
        raise ExpressionError(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {name}, number of operands: {len(operands)}"
        )
    if name == "list_append":
        return ListAppend(*operands)
    first, otherwise = operands
    if not isinstance(first, Attribute):
        raise ExpressionError(
            "Operator or function requires a document path; operator or function: if_not_exists"
        )
    return IfNotExists(first.path, otherwise)
