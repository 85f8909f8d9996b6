"""Resident memory of one process that runs 10,000 orders: prints megabytes after 1,000 and after
10,000. What the orders leave in tables is taken away as they end: that is the app's own data."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.order import run_order, stocked
from sfnlocal.template import load_app
from sfnlocal.testing import LocalApp

_TABLES = ("Orders", "Reservations", "Invoices", "Idempotency", "Payments")
_EARLY, _LATE = 1_000, 10_000


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _clear(running: LocalApp) -> None:
    dynamodb = running.client("dynamodb")
    for table in map(running.table, _TABLES):
        keys = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
        names = [key["AttributeName"] for key in keys]
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={name: item[name] for name in names})


def main() -> None:
    with stocked(load_app(Path("cdk.out")), keep_histories=False) as running:
        for number in range(1, _LATE + 1):
            run_order(running)
            if number % 100 == 0:
                _clear(running)
            if number in (_EARLY, _LATE):
                print(f"{_resident_mb():.1f}")


if __name__ == "__main__":
    main()
