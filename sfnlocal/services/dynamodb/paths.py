"""Document paths: read, followed, changed, and looked at for overlaps.

A path is a tuple of attribute names and list indexes: `a.#b[0]` is ("a", "<name of #b>", 0).
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.Attributes.html
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import TypeAlias

from sfnlocal.services.dynamodb.errors import invalid
from sfnlocal.services.dynamodb.lexer import ExpressionError, Tokens
from sfnlocal.services.dynamodb.reserved_words import RESERVED_WORDS
from sfnlocal.services.dynamodb.values import DEPTH_MAX, Item, Value

Path: TypeAlias = tuple[str | int, ...]


def parse_path(tokens: Tokens) -> Path:
    """Placeholders (#a) stay as they are."""
    parts: list[str | int] = [_name(tokens)]
    while True:
        if tokens.take_if("."):
            parts.append(_name(tokens))
        elif tokens.take_if("["):
            if tokens.next.kind != "number":
                tokens.refuse()
            parts.append(int(tokens.take().text))
            tokens.expect("]")
        else:
            break
    if len(parts) > DEPTH_MAX:
        raise ExpressionError(
            f"The document path has too many nesting elements; nesting levels: {len(parts)}"
        )
    return tuple(parts)


def _name(tokens: Tokens) -> str:
    token = tokens.next
    if token.kind == "word":
        if token.text.upper() in RESERVED_WORDS:
            raise ExpressionError(
                f"Attribute name is a reserved keyword; reserved keyword: {token.text}"
            )
    elif token.kind != "name":
        tokens.refuse()
    return tokens.take().text


def shown_path(path: Path) -> str:
    parts = (part if isinstance(part, str) else f"[{part}]" for part in path)
    return f"[{', '.join(parts)}]"


def follow(item: Item, path: Path) -> Value | None:
    """What stands there; None for nothing."""
    value = item.get(path[0])  # type: ignore[arg-type]
    for part in path[1:]:
        if value is None:
            return None
        value = _member(value, part)
    return value


def _member(value: Value, part: str | int) -> Value | None:
    found: Value | None = None
    if isinstance(part, str):
        found = value.get("M", {}).get(part)
    else:
        elements = value.get("L", [])
        found = elements[part] if part < len(elements) else None
    return found


def parent(item: Item, path: Path) -> Value:
    """The map or list that the path's last part is in. Raises ApiError where there is none."""
    value = follow(item, path[:-1])
    if value is None or ("M" if isinstance(path[-1], str) else "L") not in value:
        raise invalid("The document path provided in the update expression is invalid for update")
    return value


def check_overlaps(paths: Iterable[Path]) -> None:
    """No two paths may lead to the same thing, or one into the other; nor may one take for a list
    what the other takes for a map."""
    for one, other in combinations(paths, 2):
        if one[0] != other[0]:
            continue
        length = min(len(one), len(other))
        if one[:length] == other[:length]:
            _refuse("overlap", one, other)
        index = next(i for i in range(length) if one[i] != other[i])
        if type(one[index]) is not type(other[index]):
            _refuse("conflict", one, other)


def _refuse(how: str, one: Path, other: Path) -> None:
    raise ExpressionError(
        f"Two document paths {how} with each other; must remove or rewrite one of these paths; "
        f"path one: {shown_path(one)}, path two: {shown_path(other)}"
    )
