"""Items in the order of their keys: what a table and each of its indexes consist of.

Strategy: a sorted list of places beside a dict. A place begins with its partition, so that a
partition, and any range of sort keys in it, is a slice; parallel scans are slices too.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import NamedTuple

from sfnlocal.services.dynamodb.keys import Place
from sfnlocal.services.dynamodb.values import Item


class Stored(NamedTuple):
    """An item that is not changed any more, and its size."""

    item: Item
    size_bytes: int


class Slice(NamedTuple):
    """Places from `first` up to, and without, `end`."""

    first: int
    end: int


class Collection:
    def __init__(self) -> None:
        self._stored: dict[Place, Stored] = {}
        self._places: list[Place] = []

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Stored]:
        return (self._stored[place] for place in self._places)

    def get(self, place: Place) -> Stored | None:
        return self._stored.get(place)

    def put(self, place: Place, stored: Stored) -> None:
        if place not in self._stored:
            insort(self._places, place)
        self._stored[place] = stored

    def remove(self, place: Place) -> None:
        if self._stored.pop(place, None) is not None:
            del self._places[bisect_left(self._places, place)]

    # Ranges

    @property
    def everything(self) -> Slice:
        return Slice(0, len(self._places))

    def between(self, low: Place, high: Place) -> Slice:
        """Places from `low` up to, and without, `high`."""
        return Slice(bisect_left(self._places, low), bisect_left(self._places, high))

    def starting_with(self, low: Place, high: Place, prefix: str | bytes) -> Slice:
        """Those whose sort key begins with `prefix`; `low` is the place of the prefix itself."""
        first, end = self.between(low, high)
        until = bisect_left(
            self._places,
            True,
            first,
            end,
            key=lambda place: not place[2].startswith(prefix),
        )
        return Slice(first, until)

    def after(self, chosen: Slice, place: Place) -> Slice:
        """What of the slice comes after a place, where there may be nothing."""
        return Slice(max(chosen.first, bisect_right(self._places, place)), chosen.end)

    def before(self, chosen: Slice, place: Place) -> Slice:
        return Slice(chosen.first, min(chosen.end, bisect_left(self._places, place)))

    def walk(self, chosen: Slice, *, forward: bool = True) -> Iterator[Stored]:
        indexes = range(chosen.first, chosen.end)
        for index in indexes if forward else reversed(indexes):
            yield self._stored[self._places[index]]
