"""ProjectionExpression, and any other choice of an item's paths.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ProjectionExpressions.html
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from sfnlocal.services.dynamodb.lexer import Tokens
from sfnlocal.services.dynamodb.paths import Path, parse_path
from sfnlocal.services.dynamodb.values import Item, Value, copied

# What is chosen, by name or index; None: all of it.
Choice: TypeAlias = "dict[str | int, Choice | None]"


@lru_cache(maxsize=1024)
def parse_projection(text: str) -> tuple[Path, ...]:
    """Raises ExpressionError."""
    tokens = Tokens(text)
    paths = [parse_path(tokens)]
    while tokens.take_if(","):
        paths.append(parse_path(tokens))
    tokens.expect_end()
    return tuple(paths)


def choice_of(paths: Iterable[Path]) -> Choice:
    choice: Choice = {}
    for path in paths:
        level = choice
        for part in path[:-1]:
            deeper = level.setdefault(part, {})
            assert deeper is not None, "paths do not overlap"
            level = deeper
        level[path[-1]] = None
    return choice


def chosen(item: Item, choice: Choice) -> Item:
    """A copy of the parts that are there."""
    found: Item = {}
    for name, deeper in choice.items():
        value = _part(item.get(str(name)), deeper)
        if value is not None:
            found[str(name)] = value
    return found


def _part(value: Value | None, choice: Choice | None) -> Value | None:
    if value is None or choice is None:
        return None if value is None else copied(value)
    if "M" in value:
        members = chosen(value["M"], {key: one for key, one in choice.items() if key in value["M"]})
        return {"M": members} if members else None
    if "L" in value:
        elements = value["L"]
        indexes = sorted(key for key in choice if isinstance(key, int) and key < len(elements))
        parts = [_part(elements[index], choice[index]) for index in indexes]
        kept = [part for part in parts if part is not None]
        return {"L": kept} if kept else None
    return None
