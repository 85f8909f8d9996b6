"""UpdateExpression: SET, REMOVE, ADD and DELETE.

Strategy: all operands are looked up in the item as it was; then the changes are made to a copy, in
the order SET, REMOVE, ADD, DELETE, elements of lists from the last to the first when removed.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from sfnlocal.services.dynamodb.errors import invalid
from sfnlocal.services.dynamodb.lexer import ExpressionError, Tokens
from sfnlocal.services.dynamodb.paths import Path, check_overlaps, follow, parent, parse_path
from sfnlocal.services.dynamodb.scope import Scope
from sfnlocal.services.dynamodb.update_operands import SetOperand, parse_set_operand
from sfnlocal.services.dynamodb.values import Item, Value, copied, plus, type_of

Change: TypeAlias = Callable[[Item], Item]

_TYPE_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
}
_SETS = ("SS", "NS", "BS")


@dataclass(frozen=True, slots=True)
class Update:
    """`sets` are paths with what they are set to, `adds` and `deletes` paths with values."""

    sets: tuple[tuple[Path, SetOperand], ...]
    removes: tuple[Path, ...]
    adds: tuple[tuple[Path, str], ...]
    deletes: tuple[tuple[Path, str], ...]

    def bind(self, scope: Scope) -> BoundUpdate:
        sets = [(scope.path(path), operand.bind(scope)) for path, operand in self.sets]
        removes = [scope.path(path) for path in self.removes]
        adds = [(scope.path(path), scope.value(token)) for path, token in self.adds]
        deletes = [(scope.path(path), scope.value(token)) for path, token in self.deletes]
        paths = (*(path for path, _ in sets), *removes, *(path for path, _ in (*adds, *deletes)))
        check_overlaps(paths)
        for _, value in adds:
            _check("ADD", value, ("N", *_SETS))
        for _, value in deletes:
            _check("DELETE", value, _SETS)
        return BoundUpdate(paths, sets, removes, adds, deletes)


def _check(operator: str, value: Value, kinds: tuple[str, ...]) -> None:
    kind = type_of(value)
    if kind not in kinds:
        raise ExpressionError(
            f"Incorrect operand type for operator or function; operator: {operator}, "
            f"operand type: {_TYPE_NAMES[kind]}, typeSet: ALLOWED_FOR_{operator}_OPERAND"
        )


@dataclass(frozen=True, slots=True)
class BoundUpdate:
    """The update of one request; `paths` are what it changes."""

    paths: tuple[Path, ...]
    sets: list[tuple[Path, Callable[[Item], Value]]]
    removes: list[Path]
    adds: list[tuple[Path, Value]]
    deletes: list[tuple[Path, Value]]

    def __call__(self, old: Item) -> Item:
        """The item after it; `old` stays as it is. Raises ApiError."""
        new = dict(old)
        for path in self.paths:
            name = str(path[0])
            if len(path) > 1 and name in new:
                new[name] = copied(new[name])
        values = [(path, get(old)) for path, get in self.sets]
        for path, value in sorted(values, key=_last_index):
            _put(new, path, value)
        for path in sorted(self.removes, key=lambda path: _last_index((path, None)), reverse=True):
            _remove(new, path)
        for path, value in self.adds:
            _put(new, path, _added(follow(new, path), value))
        for path, value in self.deletes:
            _delete(new, path, value)
        return new


def _last_index(change: tuple[Path, object]) -> int:
    last = change[0][-1]
    return last if isinstance(last, int) else -1


def _put(item: Item, path: Path, value: Value) -> None:
    last = path[-1]
    if len(path) == 1:
        item[str(last)] = value
        return
    whole = parent(item, path)
    if isinstance(last, str):
        whole["M"][last] = value
    elif last < len(whole["L"]):
        whole["L"][last] = value
    else:
        whole["L"].append(value)


def _remove(item: Item, path: Path) -> None:
    last = path[-1]
    if len(path) == 1:
        item.pop(str(last), None)
        return
    whole = parent(item, path)
    if isinstance(last, str):
        whole["M"].pop(last, None)
    elif last < len(whole["L"]):
        del whole["L"][last]


def _added(old: Value | None, value: Value) -> Value:
    kind = type_of(value)
    if old is None:
        return value
    if kind not in old:
        raise invalid("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return plus(old, value)
    return {kind: [*old[kind], *(one for one in value[kind] if one not in old[kind])]}


def _delete(item: Item, path: Path, value: Value) -> None:
    old, kind = follow(item, path), type_of(value)
    if old is None:
        return
    if kind not in old:
        raise invalid("An operand in the update expression has an incorrect data type")
    left = [one for one in old[kind] if one not in value[kind]]
    if left:
        _put(item, path, {kind: left})
    else:
        _remove(item, path)


# Parsing


@lru_cache(maxsize=1024)
def parse_update(text: str) -> Update:
    """Raises ExpressionError."""
    tokens = Tokens(text)
    sections: dict[str, tuple[Any, ...]] = {}
    while tokens.next.kind != "end":
        name = tokens.next.text.upper()
        if tokens.next.kind != "word" or name not in _SECTIONS:
            tokens.refuse()
        if name in sections:
            raise ExpressionError(
                f'The "{name}" section can only be used once in an update expression;'
            )
        tokens.take()
        sections[name] = _section(tokens, _SECTIONS[name])
    if not sections:
        raise ExpressionError("The expression can not be empty;")
    return Update(*(sections.get(name, ()) for name in _SECTIONS))


def _section(tokens: Tokens, read: Callable[[Tokens], object]) -> tuple[object, ...]:
    actions = [read(tokens)]
    while tokens.take_if(","):
        actions.append(read(tokens))
    return tuple(actions)


def _set(tokens: Tokens) -> tuple[Path, SetOperand]:
    path = parse_path(tokens)
    tokens.expect("=")
    return path, parse_set_operand(tokens)


def _with_value(tokens: Tokens) -> tuple[Path, str]:
    path = parse_path(tokens)
    if tokens.next.kind != "value":
        tokens.refuse()
    return path, tokens.take().text


# In the order in which they are carried out.
_SECTIONS: Mapping[str, Callable[[Tokens], object]] = {
    "SET": _set,
    "REMOVE": parse_path,
    "ADD": _with_value,
    "DELETE": _with_value,
}
