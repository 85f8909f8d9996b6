"""Distributed Map over 100,000 and 1,000,000 items in batches of 100, with a handler that does
nothing: its time, and the memory that each kind of reader takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.map_memory import SOURCES
from benchmarks.measure import Row

_FEW, _MANY, _MOST = 10_000, 100_000, 1_000_000
_ITEMS_A_SECOND_MIN = 20_000


def rows() -> Iterator[Row]:
    _, many_seconds = _run("JSONL", _MANY)
    detail = f"{_MANY / many_seconds:,.0f} items a second"
    goal_ms = _MANY / _ITEMS_A_SECOND_MIN * 1000
    yield Row("Distributed Map, 100,000 JSON Lines", many_seconds * 1000, goal_ms, "ms", detail)
    for source in SOURCES:
        few_mb, _ = _run(source, _FEW)
        most_mb, most_seconds = _run(source, _MOST)
        if source == "JSONL":
            detail = f"{most_seconds:.1f} s against {many_seconds:.2f} s"
            ratio = most_seconds / many_seconds
            yield Row("Distributed Map, 1,000,000 items against 100,000", ratio, 12, "x", detail)
        detail = f"{most_mb:.0f} MB against {few_mb:.0f} MB in {most_seconds:.1f} s"
        name = f"memory of 1,000,000 items against 10,000, {source}"
        yield Row(name, most_mb / few_mb, 1.5, "x", detail)


def _run(source: str, items: int) -> tuple[float, float]:
    """Megabytes and seconds."""
    command = [sys.executable, "-m", "benchmarks.map_memory", source, str(items)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peak_mb, seconds = answer.split()
    return float(peak_mb), float(seconds)
