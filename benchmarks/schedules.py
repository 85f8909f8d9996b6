"""A month of the app's schedules in virtual time: hourly sweeps, and each day's reports."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from benchmarks.measure import Row
from sfnlocal.template import App, load_app
from sfnlocal.testing import LocalApp, load
from sfnlocal.triggers.schedule_expressions import parse_schedule

_ASSEMBLY = Path("cdk.out")
_DAYS = 30
_EXPRESSION = "cron(0/5 8-17 ? * MON-FRI *)"


def rows() -> list[Row]:
    return [_month_row(load_app(_ASSEMBLY)), _expression_row()]


def _month_row(app: App) -> Row:
    with load(app) as running:
        # Whoever consumes the messages takes them away.
        running.on_message("ReportMessages", lambda message: None)
        begin = time.perf_counter()
        running.advance(days=_DAYS)
        seconds = time.perf_counter() - begin
        counts = _succeeded(running)
    assert counts["Report"] >= _DAYS, counts
    detail = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return Row("a month of the app's schedules", seconds, 10, "s", detail)


def _succeeded(running: LocalApp) -> Counter[str]:
    """Executions by the state machine's construct id; all must have succeeded."""
    names = {
        machine.arn: machine.resource.path.rpartition("/")[2]
        for machine in running.app.state_machines
    }
    counts: Counter[str] = Counter()
    for run in running.executions():
        run.assert_succeeded()
        counts[names[run.execution.state_machine_arn]] += 1
    return counts


def _expression_row() -> Row:
    """A year of a busy schedule, over both changes of the clocks."""
    schedule = parse_schedule(_EXPRESSION, "Europe/Berlin")
    begin = time.perf_counter()
    count = sum(1 for _ in schedule.occurrences(1_767_225_600_000, 1_798_761_600_000))
    each_us = (time.perf_counter() - begin) * 1e6 / count
    return Row("an occurrence of a cron expression", each_us, 20, "us", f"{count} of a year")
