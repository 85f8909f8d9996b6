"""The nets of the order workflow from outside: what the rule and the schedule start."""

from __future__ import annotations

import json
from typing import Any

from sfnlocal.driver.status_changes import DETAIL_TYPE, SOURCE, status_detail
from sfnlocal.testing import LocalApp, Run
from tests.workflows.shop import stop


def record(app: LocalApp, run: Run) -> Run:
    """The Recorder that the rule has started last for the run, when it is done."""
    app.advance(minutes=1)
    return recorders(app, run)[-1].assert_succeeded()


def recorders(app: LocalApp, run: Run) -> list[Run]:
    """Those that the rule has started for the run."""
    return of(run, [one for one in app.executions("Recorder") if by_rule(one)])


def of(run: Run, recorders: list[Run]) -> list[Run]:
    return [one for one in recorders if one.execution.input["executionArn"] == run.arn]


def by_rule(recorder: Run) -> bool:
    """Has the rule started it? It hands over the event's detail, the Sweep what it has found."""
    return "inputDetails" in recorder.execution.input


def tell_again(app: LocalApp, run: Run) -> None:
    """The event of a run that has ended comes once more."""
    app.session.aws.emit(SOURCE, DETAIL_TYPE, status_detail(run.execution), [run.arn])


def lose_events(app: LocalApp, count: int = 1) -> None:
    """The next failed runs are not told of."""
    app.session.triggers.buses.lose_next({"source": [SOURCE]}, count)


def sweep(app: LocalApp) -> list[Run]:
    """The schedule's hour has come: the Recorders that the Sweep starts."""
    before = len(app.executions("Recorder"))
    swept = begin_sweep(app)
    app.advance(minutes=1)
    swept.assert_succeeded()
    return [one for one in app.executions("Recorder")[before:] if not by_rule(one)]


def begin_sweep(app: LocalApp) -> Run:
    target = properties(app, "Orders/Sweep/Hourly")["Target"]
    return app.start(target["Arn"], json.loads(target["Input"]))


def stop_after(app: LocalApp, order: dict[str, Any], *, seconds: int) -> Run:
    """An order that somebody stops, too abruptly for any Catch."""
    run = app.start("Order", order, order["orderId"])
    app.advance(seconds=seconds)
    stop(app, run)
    return run


def properties(app: LocalApp, path: str) -> dict[str, Any]:
    [resource] = [one for one in app.app.resources if one.path.removesuffix("/Resource") == path]
    return dict(resource.properties)
