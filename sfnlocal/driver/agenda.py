"""What is due when. Entries at the same moment keep the order in which they were made, so a run
is deterministic; dead entries vanish without moving time."""

from __future__ import annotations

import heapq
from collections.abc import Callable

_Entry = tuple[int, int, Callable[[], bool] | None, Callable[[], None]]

_CLEAR_AT = 1_000


class Agenda:
    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._serial = 0
        self._clear_at = _CLEAR_AT

    def add(
        self, at_ms: int, act: Callable[[], None], wanted: Callable[[], bool] | None = None
    ) -> None:
        """Do `act` at `at_ms`, unless `wanted` says by then that it is not wanted any more."""
        self._serial += 1
        heapq.heappush(self._entries, (at_ms, self._serial, wanted, act))
        if len(self._entries) >= self._clear_at:
            self._clear()

    def _clear(self) -> None:
        """Let go of dead entries that are not due for long: the time-outs of what has ended."""
        self._entries = [entry for entry in self._entries if entry[2] is None or entry[2]()]
        heapq.heapify(self._entries)
        self._clear_at = max(_CLEAR_AT, 2 * len(self._entries))

    def next_ms(self) -> int | None:
        """When the next live entry is due, or None."""
        entries = self._entries
        while entries:
            at_ms, _, wanted, _ = entries[0]
            if wanted is None or wanted():
                return at_ms
            heapq.heappop(entries)
        return None

    def pop(self) -> Callable[[], None]:
        """The entry that `next_ms` spoke of."""
        return heapq.heappop(self._entries)[3]

    def __len__(self) -> int:
        """How many entries there are, dead ones too."""
        return len(self._entries)
