"""CostGuard: every single fault between a metric and a switch.

It has no dead letters: what one run could not do, the next one does, since it goes by what it sees.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.workflows.shop import iso
from tests.workflows.switches import (
    after,
    concurrency,
    count_starts,
    described,
    is_on,
    is_there,
    schedule,
    set_concurrency,
)

NAME = "guard-1"
# More starts than the budget.
TOO_MANY = {
    "Normalize": 20_001,
    "Redact": 20_001,
    "Classify": 20_001,
    "RecomputeView": 21,
    "ViewRecorder": 501,
}


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


# Others turn the same switches, or write the same items


def meanwhile(
    operation: str, act: Callable[[LocalApp, int], None], times: int = 1, **asked: Any
) -> Callable[[LocalApp], None]:
    def start(app: LocalApp) -> None:
        after(app, operation, partial(act, app), times)
        run(app, **asked)

    return start


def reserves(app: LocalApp, number: int) -> None:
    set_concurrency(app, "Normalize", number)


def remembers(app: LocalApp, _number: int) -> None:
    app.put_item(
        "Stopped",
        {"target": "Normalize", "stoppedBy": "another", "starter": "ON", "concurrency": 3},
    )


def gone(app: LocalApp) -> None:
    """Two starters and a function are deleted; one starter left a function behind."""
    many("Redact", "Classify", "RecomputeView", "ViewRecorder")(app)
    function, events = app.client("lambda"), app.client("events")
    function.delete_event_source_mapping(
        UUID=described(app, "Redact")["starterArn"].rpartition(":")[2]
    )
    function.delete_function(FunctionName=described(app, "Classify")["function"])
    _, group, name = described(app, "RecomputeView")["starterArn"].split("/")
    app.client("scheduler").delete_schedule(GroupName=group, Name=name)
    rule = described(app, "ViewRecorder")["starterArn"].rpartition("/")[2]
    found = events.list_targets_by_rule(Rule=rule)["Targets"]
    events.remove_targets(Rule=rule, Ids=[one["Id"] for one in found])
    events.delete_rule(Name=rule)


# What holds at any time


def nothing_is_stopped_that_cannot_come_back(app: LocalApp) -> None:
    remembered = {item["target"] for item in app.items("Stopped")}
    for target in ("Normalize", "ViewRecorder"):
        if not is_there(app, target):
            continue
        assert is_on(app, target) or target in remembered, f"{target} is off, and nobody knows why"
    if concurrency(app, "Normalize") == 0:
        assert "Normalize" in remembered


def a_schedule_keeps_its_target(app: LocalApp) -> None:
    if not is_there(app, "RecomputeView"):
        return
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
            name="changed",
            about="somebody reserves something else meanwhile",
            start=meanwhile("UpdateEventSourceMapping", reserves),
            prepare=many("Normalize"),
            only=["Tell"],
        ),
        Scenario(
            name="abandoned",
            about="somebody does so again and again",
            start=meanwhile("GetFunctionConcurrency", reserves, 20),
            prepare=many("Normalize"),
            only=["Tell"],
        ),
        Scenario(
            name="remembered",
            about="another run remembers what was, meanwhile",
            start=meanwhile("GetFunctionConcurrency", remembers),
            prepare=many("Normalize"),
            only=["Tell"],
        ),
        Scenario(
            name="stopped-again",
            about="another run has stopped it again, when it is given back",
            start=meanwhile(
                "DeleteFunctionConcurrency", remembers, action="RESTORE", target="Normalize"
            ),
            prepare=stopped("Normalize"),
            only=["Tell"],
            # Given back once more, it is given back.
            bring_back=False,
        ),
        Scenario(
            name="gone",
            about="what it should turn has been deleted",
            start=run,
            prepare=gone,
            only=["Tell", "ReadMapping", "ReadRule", "ReadSchedule", "ReadConcurrency"],
        ),
        Scenario(
            name="fails",
            about="nobody can be told, and that is written down",
            start=checked,
            prepare=many("Normalize"),
            given=[Fault("state:CostGuard/Tell#1", "refused:UnforeseenError")],
            only=["WriteFailure"],
            expect="FAILED",
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
