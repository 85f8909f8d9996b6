"""What the workflows cost beside the naive design of docs/costs.md: computed, not timed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Row
from sfnlocal.template import load_app
from tools.costs import cheaper, measure

_ASSEMBLY = Path("cdk.out")


def rows() -> list[Row]:
    costs = measure(load_app(_ASSEMBLY))
    most = max(costs, key=lambda row: row.ours)
    detail = f"{len(costs)} workflows; the dearest is {most.name}"
    return [Row("dollars beside the naive design", 1 - cheaper(costs), 0.6, "x naive", detail)]
