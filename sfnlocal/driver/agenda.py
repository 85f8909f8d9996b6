"""What is due when. Entries at the same moment keep the order in which they were made, so a run
is deterministic; dead entries vanish without moving time.

What comes back for ever (a schedule, the evaluation of an alarm) is `recurring`: whoever runs until
nothing is left to do does not wait for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

_Entry = tuple[int, int, Callable[[], bool] | None, Callable[[], None]]

_CLEAR_AT = 100


class Agenda:
    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._recurring: list[_Entry] = []
        self._serial = 0
        self._clear_at = _CLEAR_AT

    def add(
        self,
        at_ms: int,
        act: Callable[[], None],
        wanted: Callable[[], bool] | None = None,
        *,
        recurring: bool = False,
    ) -> None:
        """Do `act` at `at_ms`, unless `wanted` says by then that it is not wanted any more."""
        self._serial += 1
        entries = self._recurring if recurring else self._entries
        heapq.heappush(entries, (at_ms, self._serial, wanted, act))
        if len(self._entries) >= self._clear_at:
            self._clear()

    def _clear(self) -> None:
        """Let go of dead entries that are not due for long: the time-outs of what has ended."""
        self._entries = [entry for entry in self._entries if entry[2] is None or entry[2]()]
        heapq.heapify(self._entries)
        self._clear_at = max(_CLEAR_AT, 2 * len(self._entries))

    def next_ms(self, *, recurring: bool = False) -> int | None:
        """When the next live entry is due, or None; of what is recurring only if asked to."""
        entries = self._next(recurring)
        return entries[0][0] if entries else None

    def pop(self, *, recurring: bool = False) -> Callable[[], None]:
        """The entry that `next_ms` spoke of."""
        return heapq.heappop(self._next(recurring))[3]

    def _next(self, recurring: bool) -> list[_Entry]:
        """The entries whose first one is next."""
        entries = _live(self._entries)
        if recurring and _live(self._recurring) and (not entries or self._recurring < entries):
            return self._recurring
        return entries

    def __len__(self) -> int:
        """How many entries there are, dead ones too."""
        return len(self._entries) + len(self._recurring)


def _live(entries: list[_Entry]) -> list[_Entry]:
    """Without the dead ones at its head."""
    while entries and entries[0][2] is not None and not entries[0][2]():
        heapq.heappop(entries)
    return entries
