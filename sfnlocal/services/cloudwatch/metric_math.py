"""Metric math: what an expression over metrics says, compiled once and evaluated over a grid of
periods.

Strategy: a recursive descent over the tokens makes a function of the scope; functions of the
language stand in a table of their own. A missing value is None.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sfnlocal.services.cloudwatch.math_functions import (
    FUNCTIONS,
    REFUSED,
    arithmetic,
    comparison,
    logical,
    negated,
)
from sfnlocal.services.cloudwatch.math_values import MathError, Scope, Value

Node: TypeAlias = Callable[[Scope], Value]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<operator>==|!=|<=|>=|&&|\|\||[-+*/^<>()\[\],]))""",
    re.VERBOSE,
)
_COMPARISONS = frozenset({"==", "!=", "<=", ">=", "<", ">"})
_OR = frozenset({"OR", "||"})
_AND = frozenset({"AND", "&&"})
# Words that are arguments of FILL and SORT.
_WORDS = frozenset({"REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MIN", "MAX", "SUM"})


class Expression:
    """`names` are the ids that it refers to; `all_metrics`: it calls METRICS(). Raises MathError
    for text that AWS would refuse, UnsupportedError for a function that is not known here."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self._tokens = _tokens(text)
        self._at = 0
        self._node = self._any()
        if self._at != len(self._tokens):
            raise MathError(f"unexpected '{self._tokens[self._at]}'")

    @property
    def all_metrics(self) -> bool:
        return "METRICS" in self.functions

    def evaluate(self, scope: Scope) -> Value:
        return self._node(scope)

    # Grammar, the loosest binding first

    def _any(self) -> Node:
        return self._chain(self._all, _OR, logical("OR"))

    def _all(self) -> Node:
        return self._chain(self._compared, _AND, logical("AND"))

    def _compared(self) -> Node:
        left = self._sum()
        operator = self._take(_COMPARISONS)
        return _binary(comparison(operator), left, self._sum()) if operator else left

    def _sum(self) -> Node:
        return self._operators(self._product, frozenset("+-"))

    def _product(self) -> Node:
        return self._operators(self._signed, frozenset("*/"))

    def _signed(self) -> Node:
        if self._take(frozenset("-")):
            operand = self._signed()
            return lambda scope: negated(operand(scope))
        return self._power()

    def _power(self) -> Node:
        base = self._operand()
        if self._take(frozenset("^")):
            return _binary(arithmetic("^"), base, self._signed())
        return base

    def _operators(self, operand: Callable[[], Node], operators: frozenset[str]) -> Node:
        left = operand()
        while operator := self._take(operators):
            left = _binary(arithmetic(operator), left, operand())
        return left

    def _chain(
        self,
        operand: Callable[[], Node],
        operators: frozenset[str],
        combine: Callable[[Value, Value], Value],
    ) -> Node:
        left = operand()
        while self._take(operators):
            left = _binary(combine, left, operand())
        return left

    def _operand(self) -> Node:
        if self._at == len(self._tokens):
            raise MathError("it ends where a value is missing")
        token = self._tokens[self._at]
        self._at += 1
        if token == "(":
            inside = self._any()
            self._expect(")")
            return inside
        if token == "[":
            return _array(self._list("]"))
        if token[0].isdigit() or token[0] == ".":
            number = float(token)
            return lambda scope: number
        if token[0] in "\"'":
            text = token[1:-1]
            return lambda scope: text
        if self._take(frozenset("(")):
            return self._call(token)
        if token in _WORDS:
            return lambda scope: token
        if not token[0].islower():
            raise MathError(f"'{token}' is no identifier, which begin with a lower case letter")
        self.names.add(token)
        return lambda scope: scope.value_of(token)

    def _call(self, name: str) -> Node:
        function = FUNCTIONS.get(name)
        if name in REFUSED:
            raise REFUSED[name]
        if function is None:
            raise MathError(f"unknown function '{name}'")
        self.functions.add(name)
        arguments = self._list(")")
        if not function.arguments_min <= len(arguments) <= function.arguments_max:
            raise MathError(f"{name} does not take {len(arguments)} arguments")
        apply = function.apply
        return lambda scope: apply(scope, [argument(scope) for argument in arguments])

    def _list(self, end: str) -> list[Node]:
        if self._take(frozenset({end})):
            return []
        items = [self._any()]
        while self._take(frozenset(",")):
            items.append(self._any())
        self._expect(end)
        return items

    def _take(self, tokens: frozenset[str]) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at] in tokens:
            self._at += 1
            return self._tokens[self._at - 1]
        return ""

    def _expect(self, token: str) -> None:
        if not self._take(frozenset({token})):
            raise MathError(f"'{token}' is missing")


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise MathError(f"unexpected '{text[at:].strip()[:1]}'")
        found.append(match[match.lastgroup or 0])
        at = match.end()
    return found


def _binary(combine: Callable[[Value, Value], Value], left: Node, right: Node) -> Node:
    return lambda scope: combine(left(scope), right(scope))


def _array(items: Sequence[Node]) -> Node:
    def gather(scope: Scope) -> Value:
        gathered = []
        for item in items:
            value = item(scope)
            gathered += value if isinstance(value, list) else [scope.series(value)]
        return gathered

    return gather
