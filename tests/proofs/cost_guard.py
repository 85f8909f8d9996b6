"""CostGuard: every single fault between a metric and a switch.

It has no dead letters: what one run could not do, the next one does, since it goes by what it sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.workflows.shop import iso
from tests.workflows.switches import (
    concurrency,
    count_starts,
    described,
    is_on,
    schedule,
    set_concurrency,
)

NAME = "guard-1"
# More starts than the budget.
TOO_MANY = {"Normalize": 20_001, "Redact": 20_001, "RecomputeView": 21, "ViewRecorder": 501}


def run(app: LocalApp, **asked: Any) -> None:
    app.run("CostGuard", asked)


def many(*targets: str) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        for target in targets:
            count_starts(app, target, TOO_MANY[target])

    return prepare


def checked(app: LocalApp) -> None:
    """As often as it takes: the schedule asks again."""
    for _ in range(2):
        run(app)


def restored(target: str) -> Callable[[LocalApp], None]:
    """As often as it takes: whoever asked sees that it has failed."""

    def start(app: LocalApp) -> None:
        for _ in range(2):
            run(app, action="RESTORE", target=target)

    return start


def start_again(app: LocalApp) -> None:
    """What the schedule does, or who asked: the same once more, when every lease is over."""
    last = app.executions("CostGuard")[-1]
    if last.status != "SUCCEEDED":
        app.advance(hours=1)
        run(app, **last.execution.input)


def later(*targets: str) -> Callable[[LocalApp], None]:
    """The next check, when every lease is over, of what goes on as before."""

    def recover(app: LocalApp) -> None:
        if len(app.items("Stopped")) < len(targets):
            app.advance(hours=1)
            many(*targets)(app)
            run(app)

    return recover


def asked_again(target: str) -> Callable[[LocalApp], None]:
    """What a person does with a restore that has failed: the same, when its lease is over."""

    def recover(app: LocalApp) -> None:
        if app.items("Stopped"):
            app.advance(hours=1)
            run(app, action="RESTORE", target=target)

    return recover


def stopped(target: str, *, reserved: int = 0) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        if reserved:
            set_concurrency(app, target, reserved)
        many(target)(app)
        run(app)

    return prepare


def given_back_by_hand(app: LocalApp) -> None:
    stopped("Normalize")(app)
    set_concurrency(app, "Normalize", 3)
    found = described(app, "Normalize")["starterArn"].rpartition(":")[2]
    app.client("lambda").update_event_source_mapping(UUID=found, Enabled=True)


def another_at_it(app: LocalApp) -> None:
    many("Normalize")(app)
    held = {"heldBy": "another", "heldSince": iso(app.now), "heldUntil": "2027-01-01T00:00:00.000Z"}
    app.put_item("Leases", {"target": "cost of Normalize", **held})


def as_usual(app: LocalApp) -> None:
    count_starts(app, "Normalize", 2_500)


# What holds at any time


def nothing_is_stopped_that_cannot_come_back(app: LocalApp) -> None:
    remembered = {item["target"] for item in app.items("Stopped")}
    for target in ("Normalize", "ViewRecorder"):
        assert is_on(app, target) or target in remembered, f"{target} is off, and nobody knows why"
    if concurrency(app, "Normalize") == 0:
        assert "Normalize" in remembered


def a_schedule_keeps_its_target(app: LocalApp) -> None:
    said = schedule(app, "RecomputeView")
    assert said["ScheduleExpression"].startswith("cron(30 2")
    assert said["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 3


COST_GUARD = Proof(
    state_machine="CostGuard",
    scenarios=[
        Scenario(
            name="all-kinds",
            about="a function, a schedule and a rule",
            start=checked,
            prepare=many("Normalize", "RecomputeView", "ViewRecorder"),
            recover=later("Normalize", "RecomputeView", "ViewRecorder"),
        ),
        Scenario(name="nothing", about="nothing is over anything", start=checked),
        Scenario(name="usual", about="worth a look, and usual", start=checked, prepare=as_usual),
        Scenario(
            name="dry",
            about="only told",
            start=lambda app: run(app, dryRun=True),
            prepare=many("Normalize"),
        ),
        Scenario(
            name="already",
            about="stopped by the run before",
            start=checked,
            prepare=stopped("Normalize"),
        ),
        Scenario(name="held", about="another is at it", start=checked, prepare=another_at_it),
        Scenario(
            name="function-back",
            about="a function gets back what it had",
            start=restored("Normalize"),
            prepare=stopped("Normalize", reserved=7),
            recover=asked_again("Normalize"),
        ),
        Scenario(
            name="no-reservation-back",
            about="a function gets back that it had none",
            start=restored("Redact"),
            prepare=stopped("Redact"),
            recover=asked_again("Redact"),
        ),
        Scenario(
            name="schedule-back",
            about="a schedule is on again",
            start=restored("RecomputeView"),
            prepare=stopped("RecomputeView"),
            recover=asked_again("RecomputeView"),
        ),
        Scenario(
            name="rule-back",
            about="a rule is on again",
            start=restored("ViewRecorder"),
            prepare=stopped("ViewRecorder"),
            recover=asked_again("ViewRecorder"),
        ),
        Scenario(
            name="by-hand",
            about="somebody has given it back already",
            start=restored("Normalize"),
            prepare=given_back_by_hand,
            recover=asked_again("Normalize"),
        ),
        Scenario(
            name="unknown",
            about="no such target",
            start=lambda app: run(app, action="RESTORE", target="Basket"),
        ),
    ],
    recover=start_again,
    schedules=("Views/RecomputeView/Nightly",),
    invariants=[nothing_is_stopped_that_cannot_come_back, a_schedule_keeps_its_target],
    ignore={
        "Audit": "a run that does it again says so again",
        "Leases": "a run that cannot give its lease back lets it run out",
        "ViewPointers": "what its schedule recomputes at night is another proof's",
        "SalesFiles": "what its schedule recomputes at night is another proof's",
        "Stopped.stoppedAt": "the run that did it",
        "Stopped.stoppedBy": "the run that did it",
    },
)
