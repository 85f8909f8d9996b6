"""A gauge: what AWS samples each minute, such as how many messages a queue holds.

Strategy: nothing is sampled. The gauge notes what it changes to; the samples of the minutes are
made when somebody looks. A minute's sample is what the gauge shows at its end.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import NamedTuple

_MINUTE_MS = 60_000
# Two months of a gauge that changes every minute.
_CHANGES_MAX = 90_000
# Seconds, of what grows with time.
_SAME_WITHIN = 1e-6


class Reading(NamedTuple):
    """`value` at `at_ms`, growing by `per_second` from then on; no samples after `until_ms`."""

    at_ms: int
    value: float
    per_second: float
    until_ms: int | None

    def value_at(self, at_ms: int) -> float | None:
        if self.until_ms is not None and at_ms > self.until_ms:
            return None
        return self.value + self.per_second * (at_ms - self.at_ms) / 1000


class Gauge:
    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._readings: list[Reading] = []

    def set(self, now_ms: int, value: float, per_second: float, until_ms: int | None) -> bool:
        """Is anything different from what the last reading said? (Longer life is none.)"""
        readings = self._readings
        reading = Reading(now_ms, value, per_second, until_ms)
        if not readings:
            readings.append(reading)
            return True
        last = readings[-1]
        expected = last.value_at(now_ms)
        same = (
            expected is not None
            and last.per_second == per_second
            and abs(expected - value) < _SAME_WITHIN
        )
        if same:
            readings[-1] = last._replace(until_ms=until_ms)
        elif last.at_ms // _MINUTE_MS == now_ms // _MINUTE_MS:
            readings[-1] = reading
        else:
            readings.append(reading)
            if len(readings) > _CHANGES_MAX:
                del readings[: _CHANGES_MAX // 2]
        return not same

    @property
    def last(self) -> Reading:
        return self._readings[-1]

    def samples(self, from_ms: int, to_ms: int) -> Iterator[tuple[int, float]]:
        """Of the whole minutes in [from_ms, to_ms): when each begins, and its value."""
        readings = self._readings
        start_ms = -(-from_ms // _MINUTE_MS) * _MINUTE_MS
        number = bisect.bisect_left(readings, start_ms, key=lambda one: one.at_ms) - 1
        while start_ms + _MINUTE_MS <= to_ms:
            end_ms = start_ms + _MINUTE_MS
            while number + 1 < len(readings) and readings[number + 1].at_ms < end_ms:
                number += 1
            if number >= 0:
                value = readings[number].value_at(end_ms - 1)
                if value is not None:
                    yield start_ms, value
            start_ms = end_ms
