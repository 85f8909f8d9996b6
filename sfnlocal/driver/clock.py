"""Two clocks. The virtual one jumps to the next thing that is due; the real one waits for it."""

from __future__ import annotations

import threading
import time
from typing import Protocol

# 2026-01-01T00:00:00Z: where virtual time begins, so that the same run gives the same history.
VIRTUAL_START_MS = 1_767_225_600_000


class Clock(Protocol):
    def now_ms(self) -> int: ...

    def wait_until(self, at_ms: int) -> None:
        """Return when it is `at_ms`, or at once where that has passed."""


class VirtualClock:
    def __init__(self, start_ms: int = VIRTUAL_START_MS) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        return self._now_ms

    def wait_until(self, at_ms: int) -> None:
        self._now_ms = max(self._now_ms, at_ms)


class RealClock:
    def __init__(self) -> None:
        self._wait = threading.Event()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def wait_until(self, at_ms: int) -> None:
        while (left_ms := at_ms - self.now_ms()) > 0:
            self._wait.wait(left_ms / 1000)
