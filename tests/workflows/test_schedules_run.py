"""The deployed schedules in virtual time: when they start what, and that twice does it once."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.template import App
from sfnlocal.testing import LocalApp, load

DAILY, SWEEPS = "Reports/DailyReports/Daily", ("Sweep/Hourly", "ReportSweep/Hourly")
DAYS = 2


def effects(app: LocalApp) -> tuple[list[Any], list[Any], list[Any]]:
    """What the reports asked for and sent, and the letters of all that failed."""
    asked = sorted((one["key"], one["reportId"]) for one in app.items("ReportRequests"))
    sent = sorted(message["messageId"] for message in app.messages("ReportMessages"))
    return asked, sent, app.messages("ReportDeadLetters") + app.messages("OrderDeadLetters")


@pytest.mark.parametrize("seed", range(2))
def test_an_occurrence_that_is_delivered_twice_has_one_effect(sfn_app: App, seed: int) -> None:
    results = []
    for twice in (False, True):
        with load(sfn_app, seed=seed) as app:
            app.pause_schedules(except_for=[DAILY, *SWEEPS])
            # Something for the sweeps to find.
            app.session.stop_execution(app.start("Report", {}).arn)
            for _ in range(DAYS):
                if twice:
                    for schedule in (DAILY, *SWEEPS):
                        app.session.triggers.schedules.duplicate(schedule)
                app.advance(days=1)
            started = len(app.executions("DailyReports"))
            assert started == (2 * DAYS if twice else DAYS)
            results.append(effects(app))
    once, doubled = results
    assert once == doubled
    asked, sent, letters = once
    assert len(asked) == 2 * DAYS
    assert sent
    assert len(letters) == 1
