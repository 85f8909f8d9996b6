"""Medians, and a table of them against their goals."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: `measured` against `goal`, both in `unit`; less is better."""

    name: str
    measured: float
    goal: float
    unit: str
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.measured <= self.goal

    def __str__(self) -> str:
        verdict = "ok" if self.met else "MISSED"
        return (
            f"{self.name:58} {self.measured:8.2f} {self.unit:9} goal {self.goal:6.2f}  "
            f"{verdict:6} {self.detail}"
        )


def median_ms(act: Callable[[], object], *, runs: int, warm: int = 3) -> float:
    """The median wall time of one call, in milliseconds."""
    for _ in range(warm):
        act()
    gc.collect()
    times = []
    for _ in range(runs):
        begin = time.perf_counter_ns()
        act()
        times.append(time.perf_counter_ns() - begin)
    return statistics.median(times) / 1e6
