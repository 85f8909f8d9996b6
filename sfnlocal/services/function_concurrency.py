"""How many calls of a function run at one moment, and which of them Lambda would throttle.

A call in virtual time lasts as long as its handler slept: calls that begin before that has passed
run beside it. https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sfnlocal.errors import ApiError


class Concurrency:
    """`account_max` is for the calls of all functions that have no reserved concurrency."""

    def __init__(self, account_max: int) -> None:
        self._account_max = account_max
        self._lock = threading.Lock()
        self._running: dict[str, list[Slot]] = {}

    @contextmanager
    def call(self, function: str, reserved: int | None, now_ms: int) -> Iterator[Slot]:
        """Raises ApiError where the call is throttled. Set `until_ms` of the slot inside."""
        slot = Slot(reserved is not None)
        with self._lock:
            self._forget_ended(now_ms)
            slots = self._running.setdefault(function, [])
            if reserved is None:
                unreserved = [one for all_ in self._running.values() for one in all_]
                full = sum(not one.reserved for one in unreserved) >= self._account_max
            else:
                full = len(slots) >= reserved
            if full:
                raise ApiError("TooManyRequestsException", "Rate Exceeded.", 429)
            slots.append(slot)
            slot.concurrent = len(slots)
        try:
            yield slot
        finally:
            with self._lock:
                slot.until_ms = max(slot.until_ms or now_ms, now_ms)

    def _forget_ended(self, now_ms: int) -> None:
        for function, slots in list(self._running.items()):
            left = [slot for slot in slots if slot.until_ms is None or slot.until_ms > now_ms]
            if left:
                self._running[function] = left
            else:
                del self._running[function]


class Slot:
    """A running call; `until_ms` is when it ends, once that is known. `concurrent` is how many
    calls of the function were running when it began, with it."""

    __slots__ = ("concurrent", "reserved", "until_ms")

    def __init__(self, reserved: bool) -> None:
        self.reserved = reserved
        self.concurrent = 1
        self.until_ms: int | None = None
