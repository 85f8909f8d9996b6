"""Which patterns can match an event, without asking all of them.

Strategy: an index by one field each. A pattern that wants exact strings somewhere is filed under
that field's strings, of its fields the one with the emptiest drawer; only patterns that want no
exact string anywhere are asked about every event.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from sfnlocal.ports import Json
from sfnlocal.triggers.patterns import Pattern
from sfnlocal.triggers.patterns_operators import Test

Key = TypeVar("Key", bound=Hashable)


class RuleIndex(Generic[Key]):
    def __init__(self) -> None:
        self._drawers: dict[tuple[str, ...], dict[str, list[int]]] = {}
        self._others: list[int] = []
        self._order: list[tuple[Key, Test]] = []

    def add(self, key: Key, pattern: Pattern) -> None:
        number = len(self._order)
        self._order.append((key, pattern.matches))
        exact = pattern.exact_strings()
        if not exact:
            self._others.append(number)
            return
        path = min(exact, key=lambda path: self._fill(path, exact[path]))
        drawers = self._drawers.setdefault(path, {})
        for text in exact[path]:
            drawers.setdefault(text, []).append(number)

    def _fill(self, path: tuple[str, ...], texts: frozenset[str]) -> int:
        drawers = self._drawers.get(path, {})
        return sum(len(drawers.get(text, ())) for text in texts)

    def matching(self, event: Json) -> list[Key]:
        """In the order in which they were added."""
        found = {
            number
            for path, drawers in self._drawers.items()
            for text in _texts(event, path, 0)
            for number in drawers.get(text, ())
        }
        numbers = sorted([*self._others, *found]) if found else self._others
        return [key for key, matches in map(self._order.__getitem__, numbers) if matches(event)]


def _texts(value: Json, path: tuple[str, ...], at: int) -> Iterator[str]:
    """The strings that the event has at the path, in any element of its arrays."""
    if type(value) is list:
        for element in value:
            yield from _texts(element, path, at)
    elif at == len(path):
        if type(value) is str:
            yield value
    elif type(value) is dict and path[at] in value:
        yield from _texts(value[path[at]], path, at + 1)
