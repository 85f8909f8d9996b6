"""The placeholders of a request: what #names and :values stand for, and which of them are used.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.errors import invalid
from sfnlocal.services.dynamodb.lexer import ExpressionError
from sfnlocal.services.dynamodb.paths import Path
from sfnlocal.services.dynamodb.values import Value, names_shown, value_from

_NAME = re.compile(r"#[A-Za-z0-9_]+")
_VALUE = re.compile(r":[A-Za-z0-9_]+")


class Scope:
    """`kinds` are the parameters of the operation that are expressions."""

    def __init__(self, params: Mapping[str, Json], kinds: Sequence[str]) -> None:
        self._names: Mapping[str, str] = params.get("ExpressionAttributeNames") or {}
        self._values: dict[str, Value] = {}
        self._unused_names = set(self._names)
        # The attributes that paths begin with, in the order in which they were asked for.
        self.attributes: list[str] = []
        given = params.get("ExpressionAttributeValues") or {}
        for parameter, pattern in _PLACEHOLDERS:
            placeholders = params.get(parameter)
            if placeholders is not None:
                self._check(parameter, placeholders, pattern, params, kinds)
        for token, value in given.items():
            try:
                self._values[token] = value_from(value)
            except ApiError as error:
                raise invalid(
                    f"ExpressionAttributeValues contains invalid value: {error.message} "
                    f"for key {token}"
                ) from None
        self._unused_values = set(self._values)

    def _check(
        self,
        parameter: str,
        placeholders: Mapping[str, Json],
        pattern: re.Pattern[str],
        params: Mapping[str, Json],
        kinds: Sequence[str],
    ) -> None:
        if parameter == "ExpressionAttributeValues":
            kinds = [kind for kind in kinds if kind != "ProjectionExpression"]
        if not any(params.get(kind) is not None for kind in kinds):
            message = f"{parameter} can only be specified when using expressions"
            if parameter == "ExpressionAttributeValues":
                message += f": {' and '.join(kinds)} {'are' if len(kinds) > 1 else 'is'} null"
            raise invalid(message)
        if not placeholders:
            raise invalid(f"{parameter} must not be empty")
        for key in placeholders:
            if not pattern.fullmatch(key):
                raise invalid(f'{parameter} contains invalid key: Syntax error; key: "{key}"')

    def path(self, path: Path) -> Path:
        if any(isinstance(part, str) and part[0] == "#" for part in path):
            path = tuple(self._name(part) if isinstance(part, str) else part for part in path)
        self.attributes.append(str(path[0]))
        return path

    def _name(self, part: str) -> str:
        if part[0] != "#":
            return part
        name = self._names.get(part)
        if name is None:
            raise ExpressionError(
                "An expression attribute name used in the document path is not defined; "
                f"attribute name: {part}"
            )
        self._unused_names.discard(part)
        return name

    def value(self, token: str) -> Value:
        value = self._values.get(token)
        if value is None:
            raise ExpressionError(
                "An expression attribute value used in expression is not defined; "
                f"attribute value: {token}"
            )
        self._unused_values.discard(token)
        return value

    def check_all_used(self) -> None:
        """Raises ApiError."""
        for parameter, unused in (
            ("ExpressionAttributeNames", self._unused_names),
            ("ExpressionAttributeValues", self._unused_values),
        ):
            if unused:
                keys = names_shown(sorted(unused))
                raise invalid(f"Value provided in {parameter} unused in expressions: keys: {keys}")


_PLACEHOLDERS = (("ExpressionAttributeNames", _NAME), ("ExpressionAttributeValues", _VALUE))
