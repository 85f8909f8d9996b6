"""Runs the benchmarks and prints one table. Exit code 1: a goal was missed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from benchmarks import (
    costs,
    engine,
    handlers,
    load,
    map_runs,
    order,
    peers,
    proofs,
    queues,
    rules,
    schedules,
    synthesis,
)
from benchmarks.measure import Row

_GROUPS: dict[str, Callable[[], Iterable[Row]]] = {
    "engine": engine.rows,
    "order": order.rows,
    "map": map_runs.rows,
    "load": load.rows,
    "queue": queues.rows,
    "schedules": schedules.rows,
    "rules": rules.rows,
    "proof": proofs.rows,
    "cost": costs.rows,
    "handlers": handlers.rows,
    "synthesis": synthesis.rows,
    "peers": peers.rows,
}


def main(names: list[str]) -> int:
    """`python -m benchmarks [NAME ...]`, of `_GROUPS`."""
    met = True
    for name, rows in _GROUPS.items():
        if not names or name in names:
            for row in rows():
                print(row, flush=True)
                met = met and row.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
