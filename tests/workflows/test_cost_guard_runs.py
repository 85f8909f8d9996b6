"""The cost guard on the synthesized template: a loop that is stopped, and what is given back.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from sfnlocal.ports import Json
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run
from tests.workflows.switches import (
    concurrency,
    count_starts,
    described,
    is_on,
    schedule,
    set_concurrency,
)
from tests.workflows.versions import audited, configure

HOPS_MAX = 8


@pytest.fixture
def guarded(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    """Only the guard's own schedule is on."""
    with sfn_load() as app:
        app.pause_schedules(except_for=["CostGuard/CostGuard/Every15Minutes"])
        yield app


@pytest.fixture
def told(guarded: LocalApp) -> list[dict[str, str]]:
    """What people were told."""
    found: list[dict[str, str]] = []

    def listen(service: str, operation: str, params: Json, _response: Json) -> None:
        if (service, operation) == ("sns", "Publish"):
            found.append(params)

    guarded.session.aws.observe(listen)
    return found


def guard(app: LocalApp, **asked: Any) -> Run:
    return app.run("CostGuard", asked)


def outcomes(run: Run) -> dict[str, str]:
    return {one["target"]: one["outcome"] for one in run.output["targets"]}


def loop_calls(app: LocalApp) -> int:
    return sum("Loop" in one.target_arn for one in app.triggered)


# The loop


def test_the_hop_count_stops_the_loop_and_puts_the_message_aside(guarded: LocalApp) -> None:
    guarded.send("LoopQueue", {"order": 1})
    guarded.advance(minutes=5)
    # The first message has made no hop.
    assert loop_calls(guarded) == HOPS_MAX + 1
    assert guarded.messages("LoopQueue") == []
    assert guarded.messages("LoopQueueDeadLetters") == [{"order": 1}]


def test_without_the_hop_count_the_guard_stops_the_loop(
    guarded: LocalApp, told: list[dict[str, str]]
) -> None:
    configure(guarded, "Loop", LOOP_HOPS_MAX="1000000000")
    guarded.send("LoopQueue", {"order": 1})
    guarded.advance(minutes=31)
    calls = loop_calls(guarded)
    assert calls <= 400
    assert not is_on(guarded, "Loop")
    assert concurrency(guarded, "Loop") == 0
    guarded.advance(hours=2)
    assert loop_calls(guarded) == calls
    [message] = told
    assert message["Subject"] == "STOPPED: Loop"
    assert "aws stepfunctions start-execution" in message["Message"]


# What is stopped, and how it comes back


def test_a_function_gets_back_what_it_had(guarded: LocalApp, told: list[dict[str, str]]) -> None:
    set_concurrency(guarded, "Normalize", 7)
    count_starts(guarded, "Normalize", 20_001)
    run = guard(guarded)
    assert outcomes(run) == {"Normalize": "STOPPED"}
    reason = "20001 invocations in 15 minutes, and the budget is 20000"
    assert run.output["targets"][0]["reason"] == reason
    assert (is_on(guarded, "Normalize"), concurrency(guarded, "Normalize")) == (False, 0)
    [kept] = guarded.items("Stopped")
    assert (kept["starter"], int(kept["concurrency"])) == ("ON", 7)
    assert kept["wayBack"] in told[0]["Message"]

    again = guard(guarded)
    assert outcomes(again) == {"Normalize": "ALREADY_STOPPED"}
    assert int(guarded.items("Stopped")[0]["concurrency"]) == 7

    back = guard(guarded, action="RESTORE", target="Normalize", startedBy="a person")
    assert outcomes(back) == {"Normalize": "RESTORED"}
    assert (is_on(guarded, "Normalize"), concurrency(guarded, "Normalize")) == (True, 7)
    assert guarded.items("Stopped") == [] == guarded.items("Leases")
    assert [one["Subject"] for one in told] == ["STOPPED: Normalize", "RESTORED: Normalize"]
    assert audited(guarded, "cost of Normalize") == {
        (action, phase): 1 for action in ("CHECK", "RESTORE") for phase in ("BEFORE", "AFTER")
    }


def test_a_function_without_a_reservation_gets_none_back(guarded: LocalApp) -> None:
    count_starts(guarded, "Normalize", 20_001)
    guard(guarded)
    assert concurrency(guarded, "Normalize") == 0
    guard(guarded, action="RESTORE", target="Normalize")
    assert concurrency(guarded, "Normalize") is None


def test_a_schedule_keeps_all_that_it_says(guarded: LocalApp) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html"""
    enable(guarded)
    before = schedule(guarded, "RecomputeView")
    count_starts(guarded, "RecomputeView", 21)
    run = guard(guarded)
    assert run.output["targets"][0]["reason"] == (
        "21 executions in 15 minutes, and the budget is 20; "
        "525 state transitions in 15 minutes, and the budget is 500"
    )
    off = schedule(guarded, "RecomputeView")
    assert kept(off) == kept(before)
    assert (before["State"], off["State"]) == ("ENABLED", "DISABLED")
    guard(guarded, action="RESTORE", target="RecomputeView")
    assert kept(schedule(guarded, "RecomputeView")) == kept(before)
    assert is_on(guarded, "RecomputeView")


def enable(app: LocalApp) -> None:
    said = schedule(app, "RecomputeView")
    app.client("scheduler").update_schedule(
        **{name: said[name] for name in SAID if name in said}, State="ENABLED"
    )


SAID = (
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "Target",
)


def kept(said: dict[str, Any]) -> dict[str, Any]:
    return {name: said.get(name) for name in SAID}


def test_a_rule_is_turned_off_and_on(guarded: LocalApp) -> None:
    count_starts(guarded, "ViewRecorder", 501)
    assert outcomes(guard(guarded)) == {"ViewRecorder": "STOPPED"}
    assert not is_on(guarded, "ViewRecorder")
    guard(guarded, action="RESTORE", target="ViewRecorder")
    assert is_on(guarded, "ViewRecorder")


def test_what_others_turned_off_stays_off_and_what_they_gave_back_stays(guarded: LocalApp) -> None:
    events = guarded.client("events")
    name = described(guarded, "ViewRecorder")["starterArn"].rpartition("/")[2]
    events.disable_rule(Name=name)
    count_starts(guarded, "ViewRecorder", 501)
    assert outcomes(guard(guarded)) == {"ViewRecorder": "ALREADY_STOPPED"}
    assert guarded.items("Stopped") == []
    count_starts(guarded, "Normalize", 20_001)
    guard(guarded)
    set_concurrency(guarded, "Normalize", 3)
    guard(guarded, action="RESTORE", target="Normalize")
    assert (is_on(guarded, "Normalize"), concurrency(guarded, "Normalize")) == (True, 3)


def test_a_stop_that_was_interrupted_is_finished_and_nothing_forgotten(guarded: LocalApp) -> None:
    set_concurrency(guarded, "Normalize", 7)
    count_starts(guarded, "Normalize", 20_001)
    guarded.mock("CostGuard", "PutConcurrency", [Failure("Lambda.Broken", "for good"), CALL])
    count_starts(guarded, "ViewRecorder", 501)
    run = guard(guarded)
    run.assert_failed("Lambda.Broken")
    # The targets after it were looked at all the same.
    assert not is_on(guarded, "ViewRecorder")
    assert (is_on(guarded, "Normalize"), concurrency(guarded, "Normalize")) == (False, 7)
    assert outcomes(guard(guarded))["Normalize"] == "STOPPED"
    guard(guarded, action="RESTORE", target="Normalize")
    assert (is_on(guarded, "Normalize"), concurrency(guarded, "Normalize")) == (True, 7)


@pytest.mark.parametrize("state", ["SetMapping", "PutConcurrency"])
def test_an_answer_that_is_lost_does_no_harm(guarded: LocalApp, state: str) -> None:
    count_starts(guarded, "Normalize", 20_001)
    guarded.mock("CostGuard", state, [Lost("Lambda.SdkClientException"), CALL])
    assert outcomes(guard(guarded)) == {"Normalize": "STOPPED"}
    guarded.mock("CostGuard", state, [Lost("Lambda.SdkClientException"), CALL])
    assert outcomes(guard(guarded, action="RESTORE", target="Normalize")) == {
        "Normalize": "RESTORED"
    }
    assert (is_on(guarded, "Normalize"), concurrency(guarded, "Normalize")) == (True, None)


# When it acts


def test_what_is_far_above_the_usual_is_stopped_below_the_budget(guarded: LocalApp) -> None:
    for days in (1, 3):
        count_starts(guarded, "Normalize", 100 * days, guarded.now - timedelta(days=days))
    count_starts(guarded, "Normalize", 2_000)
    run = guard(guarded, dryRun=True)
    assert run.output["targets"] == [
        {
            "target": "Normalize",
            "outcome": "WOULD_STOP",
            "reason": "2000 invocations in 15 minutes, and usual at this time are at most 300",
        }
    ]


@pytest.mark.parametrize(
    ("starts", "usual", "days"),
    [
        # Not enough to be unusual, not more than five times, at another time, nothing to compare.
        (1_999, 1, 1.0),
        (2_000, 400, 1.0),
        (2_000, 1, 1.5),
        (2_000, 1, 8.0),
    ],
)
def test_what_is_usual_or_few_is_let_go_on(
    guarded: LocalApp, starts: int, usual: int, days: float
) -> None:
    count_starts(guarded, "Normalize", usual, guarded.now - timedelta(days=days))
    count_starts(guarded, "Normalize", starts)
    assert guard(guarded).output["targets"] == []
    assert is_on(guarded, "Normalize")


def test_a_budget_of_the_input_holds_for_its_run(guarded: LocalApp) -> None:
    count_starts(guarded, "ViewRecorder", 30)
    assert guard(guarded).output["targets"] == []
    run = guard(guarded, dryRun=True, budgets={"ViewRecorder": {"transitions": 299}})
    assert outcomes(run) == {"ViewRecorder": "WOULD_STOP"}
    assert "300 state transitions in 15 minutes" in run.output["targets"][0]["reason"]


def test_a_dry_run_tells_and_changes_nothing(guarded: LocalApp, told: list[dict[str, str]]) -> None:
    count_starts(guarded, "Normalize", 20_001)
    assert outcomes(guard(guarded, dryRun=True)) == {"Normalize": "WOULD_STOP"}
    assert (is_on(guarded, "Normalize"), concurrency(guarded, "Normalize")) == (True, None)
    guard(guarded)
    back = guard(guarded, action="RESTORE", target="Normalize", dryRun=True)
    assert outcomes(back) == {"Normalize": "WOULD_RESTORE"}
    assert not is_on(guarded, "Normalize")
    assert len(told) == 1


def test_a_run_that_finds_nothing_makes_one_call(guarded: LocalApp) -> None:
    run = guard(guarded)
    assert run.output == {"outcome": "CHECKED", "targets": []}
    assert [run.attempts(state) for state in ("ReadCounts", "ReadUsual", "TakeLease")] == [1, 0, 0]


def test_two_at_once_and_one_is_told_who_is_at_it(guarded: LocalApp) -> None:
    count_starts(guarded, "Normalize", 20_001)
    first, second = (guarded.start("CostGuard", {}) for _ in range(2))
    guarded.run_until_idle()
    assert outcomes(first) == {"Normalize": "STOPPED"}
    [refused] = second.output["targets"]
    assert refused["outcome"] == "REFUSED"
    assert f"being worked on by {first.arn} until " in refused["reason"]


def test_what_is_not_stopped_is_not_given_back(guarded: LocalApp) -> None:
    assert outcomes(guard(guarded, action="RESTORE", target="Loop")) == {"Loop": "NOT_STOPPED"}


THERE = "there are Normalize, Redact, Classify, RecomputeView, ViewRecorder, Loop"
BAD: Sequence[tuple[dict[str, Any], str]] = (
    ({"dry": True}, "there is no field dry; there are action, target, budgets, dryRun"),
    ({"action": "STOP"}, "there is no action STOP; there are CHECK, RESTORE"),
    ({"dryRun": 1}, "dryRun must be true or false"),
    ({"action": "RESTORE"}, f"RESTORE needs a target; {THERE}"),
    ({"action": "RESTORE", "target": "Basket"}, f"there is no target Basket; {THERE}"),
    ({"action": "RESTORE", "target": 7}, f"there is no target 7; {THERE}"),
    ({"budgets": 7}, f"budgets must be an object of budgets by target; {THERE}"),
    ({"budgets": {"Basket": {}}}, f"there is no budget of Basket; {THERE}"),
    ({"budgets": {"Loop": {"euros": 1}}}, "budgets.Loop.euros must be of starts or transitions"),
    ({"budgets": {"Loop": {"starts": "1"}}}, "budgets.Loop.starts must be of starts or"),
    ({"budgets": {"Loop": {"starts": -1}}}, "budgets.Loop.starts must be of starts or"),
    ({"budgets": {"Loop": 5}}, "budgets.Loop must be of starts or transitions"),
)


def test_a_request_is_refused_by_its_field(guarded: LocalApp) -> None:
    for asked, problem in BAD:
        run = guard(guarded, **asked)
        assert run.output["outcome"] == "REFUSED", asked
        assert problem in run.output["reason"], (asked, run.output["reason"])
