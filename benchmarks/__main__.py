"""Runs the benchmarks and prints one table. Exit code 1: a goal was missed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from benchmarks import engine, load, order, peers, schedules

_GROUPS = {
    "engine": engine.rows,
    "order": order.rows,
    "load": load.rows,
    "schedules": schedules.rows,
    "peers": peers.rows,
}


def main(names: list[str]) -> int:
    """`python -m benchmarks [engine|order|load|schedules|peers ...]`."""
    met = True
    for name, rows in _GROUPS.items():
        if not names or name in names:
            for row in rows():
                print(row, flush=True)
                met = met and row.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
