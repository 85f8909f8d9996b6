"""The operands of conditions: document paths, values and `size`.

Strategy: parsing gives nodes, which are the same for every request with that text; `bind` puts a
request's names and values in, checks what can be known without an item, and gives a function of the
item. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sfnlocal.services.dynamodb.lexer import ExpressionError, Tokens
from sfnlocal.services.dynamodb.paths import Path, follow, parse_path
from sfnlocal.services.dynamodb.scope import Scope
from sfnlocal.services.dynamodb.values import Item, Value, size_of, type_of

Get: TypeAlias = Callable[[Item], Value | None]


@dataclass(frozen=True, slots=True)
class Bound:
    """An operand of one request: `kind` is its type where that is known, `value` its value where it
    has one, `path` where it is one."""

    get: Get
    kind: str | None = None
    value: Value | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class PathOperand:
    path: Path

    def bind(self, scope: Scope) -> Bound:
        path = scope.path(self.path)
        if len(path) == 1:
            name = str(path[0])
            return Bound(lambda item: item.get(name), path=path)
        return Bound(lambda item: follow(item, path), path=path)


@dataclass(frozen=True, slots=True)
class ValueOperand:
    token: str

    def bind(self, scope: Scope) -> Bound:
        value = scope.value(self.token)
        return Bound(lambda item: value, type_of(value), value)


@dataclass(frozen=True, slots=True)
class SizeOperand:
    of: Operand

    def bind(self, scope: Scope) -> Bound:
        of = self.of.bind(scope)
        if of.kind in ("N", "BOOL", "NULL"):
            raise wrong_type("operator or function: size", of.kind)
        get = of.get

        def size(item: Item) -> Value | None:
            value = get(item)
            length = None if value is None else size_of(value)
            return None if length is None else {"N": str(length)}

        return Bound(size, "N")


Operand: TypeAlias = PathOperand | ValueOperand | SizeOperand


def parse_operand(tokens: Tokens) -> Operand:
    token = tokens.next
    if token.kind == "value":
        return ValueOperand(tokens.take().text)
    if token.kind == "word" and tokens.after_next.text == "(":
        name, operands = parse_call(tokens)
        if name not in FUNCTIONS:
            raise ExpressionError(f"Invalid function name; function: {name}")
        if name != "size":
            raise ExpressionError(
                "The function is not allowed to be used this way in an expression; "
                f"function: {name}"
            )
        check_count(name, operands)
        return SizeOperand(operands[0])
    return PathOperand(parse_path(tokens))


# How many operands the functions of conditions have.
FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}


def parse_call(tokens: Tokens) -> tuple[str, list[Operand]]:
    name = tokens.take().text
    tokens.expect("(")
    operands = [parse_operand(tokens)]
    while tokens.take_if(","):
        operands.append(parse_operand(tokens))
    tokens.expect(")")
    return name, operands


def check_count(name: str, operands: list[Operand]) -> None:
    if len(operands) != FUNCTIONS[name]:
        raise ExpressionError(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {name}, number of operands: {len(operands)}"
        )


def wrong_type(where: str, kind: str) -> ExpressionError:
    return ExpressionError(
        f"Incorrect operand type for operator or function; {where}, operand type: {kind}"
    )
