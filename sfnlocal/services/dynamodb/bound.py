"""A request's expressions with its names and values in, and what is wrong with them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.conditions import Condition, Predicate, parse_condition
from sfnlocal.services.dynamodb.errors import invalid
from sfnlocal.services.dynamodb.lexer import ExpressionError
from sfnlocal.services.dynamodb.paths import check_overlaps
from sfnlocal.services.dynamodb.projections import Choice, choice_of, parse_projection
from sfnlocal.services.dynamodb.scope import Scope
from sfnlocal.services.dynamodb.updates import BoundUpdate, parse_update

_T = TypeVar("_T")


class Expressions:
    """`kinds` are the parameters of the operation that are expressions. Raises ApiError; also
    `check_all_used`, which is to be called when all are read."""

    def __init__(self, params: Mapping[str, Json], kinds: Sequence[str]) -> None:
        self._params = params
        self.scope = Scope(params, kinds)

    def check_all_used(self) -> None:
        self.scope.check_all_used()

    def condition(self, kind: str = "ConditionExpression") -> Predicate | None:
        return self._read(kind, lambda text: parse_condition(text).bind(self.scope))

    def filter(self) -> tuple[Predicate | None, list[str]]:
        """And the attributes that it looks at."""
        before = len(self.scope.attributes)
        predicate = self.condition("FilterExpression")
        return predicate, self.scope.attributes[before:]

    def key_condition(self, read: Callable[[Condition, Scope], _T]) -> _T | None:
        return self._read(
            "KeyConditionExpression", lambda text: read(parse_condition(text), self.scope)
        )

    def update(self) -> BoundUpdate | None:
        return self._read("UpdateExpression", lambda text: parse_update(text).bind(self.scope))

    def projection(self) -> Choice | None:
        return self._read("ProjectionExpression", self._choice)

    def _choice(self, text: str) -> Choice:
        paths = [self.scope.path(path) for path in parse_projection(text)]
        check_overlaps(paths)
        return choice_of(paths)

    def _read(self, kind: str, read: Callable[[str], _T]) -> _T | None:
        text = self._params.get(kind)
        if text is None:
            return None
        try:
            return read(text)
        except ExpressionError as error:
            raise invalid(f"Invalid {kind}: {error}") from None
