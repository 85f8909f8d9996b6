"""Each kind of fault happens as it says, and ends as the workflow has it."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.proof import Scenario
from sfnlocal.proof.results import Persistence, Plan, Site
from sfnlocal.proof.runner import Runner
from tests.sfnlocal.proof.conftest import INPUT, Prove, broken, plan, shop, states

PUT = "dynamodb.PutItem"


@pytest.mark.parametrize(
    ("fault", "persistence", "status", "error"),
    [
        ("refused:Lambda.ServiceException", "once", "SUCCEEDED", None),
        ("refused:Lambda.ServiceException", "until-last-retry", "SUCCEEDED", None),
        ("refused:Lambda.ServiceException", "for-ever", "FAILED", "Lambda.ServiceException"),
        ("refused:UnforeseenError", "once", "FAILED", "UnforeseenError"),
        ("refused:CardDeclined", "once", "SUCCEEDED", None),
        ("lost:Lambda.SdkClientException", "once", "SUCCEEDED", None),
        ("lost:Lambda.SdkClientException", "for-ever", "FAILED", "Lambda.SdkClientException"),
        ("time-out", "once", "FAILED", "States.Timeout"),
        ("late-answer", "once", "FAILED", "States.Timeout"),
        ("too-large", "once", "FAILED", "States.DataLimitExceeded"),
        ("twice", "once", "SUCCEEDED", None),
    ],
)
def test_a_fault_at_a_state_ends_in_success_or_in_one_letter(
    prove: Prove, fault: str, persistence: Persistence, status: str, error: str | None
) -> None:
    result = prove().run(plan(fault, persistence))
    assert (result.status, result.error) == (status, error)
    assert result.replayed == ("replay" if status == "FAILED" else "")
    assert not result.violations


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("aborted", "ABORTED"),
        ("aborted-after", "ABORTED"),
        ("aborted-unheard", "ABORTED"),
        ("machine-time-out", "TIMED_OUT"),
    ],
)
def test_a_run_that_is_ended_from_outside_is_redriven(
    prove: Prove, fault: str, status: str
) -> None:
    result = prove(dead_letters=None, replay=None).run(plan(fault))
    assert (result.status, result.replayed) == (status, "redrive")
    assert not result.violations


@pytest.mark.parametrize("fault", ["aborted", "machine-time-out"])
def test_a_run_that_no_net_tells_of_is_a_violation(prove: Prove, fault: str) -> None:
    assert "letter" in broken(prove().run(plan(fault)))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("refused:InternalServerError", "InternalServerError"),
        ("lost", "ReadTimeoutError"),
        ("crash-before", "Sandbox.Timedout"),
        ("crash-after", "Sandbox.Timedout"),
    ],
)
def test_a_fault_at_a_call_reaches_the_handler(prove: Prove, fault: str, error: str) -> None:
    result = prove().run(plan(fault, site=PUT))
    assert (result.status, result.error, result.replayed) == ("FAILED", error, "replay")
    assert not result.violations


def retried(prove: Prove, heartbeat: bool = False) -> Runner:
    """The charge is asked for in a queue, and answered through its token; nobody answers."""
    template = shop()
    states(template)["Charge"] |= {
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {
            "QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/asked",
            "MessageBody": {"token": "{% $states.context.Task.Token %}"},
        },
        "TimeoutSeconds": 600,
        **({"HeartbeatSeconds": 60} if heartbeat else {}),
    }
    template["Resources"]["Asked"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "asked"},
    }

    def answered(app: Any) -> None:
        def take(message: Any) -> None:
            app.session.send_task_success(message.body["token"], "o-1")

        app.on_message("Asked", take)

    scenario = Scenario(name="paid", input=INPUT, execution_name="o-1", prepare=answered)
    return prove(template, scenarios=[scenario])


@pytest.mark.parametrize(
    ("fault", "heartbeat", "ended_ms"),
    [
        ("time-out", False, 600_000),
        ("heartbeat-missed", True, 60_000),
        ("never-answered", True, 600_000),
    ],
)
def test_a_token_that_is_not_answered_ends_at_its_own_time(
    prove: Prove, fault: str, heartbeat: bool, ended_ms: int
) -> None:
    runner = retried(prove, heartbeat)
    found = runner.plans()
    assert plan(fault) in found
    result = runner.run(plan(fault), with_path=True)
    assert (result.status, result.error) == ("FAILED", "States.Timeout")
    assert f"took {ended_ms // 60_000}m" in result.path
    assert not result.violations


def test_a_fault_that_does_not_happen_proves_nothing(prove: Prove) -> None:
    never = Plan("paid", Site("state", "Shop", "Charge", 2), "time-out", "once")
    assert "fault" in broken(prove().run(never))


def test_the_same_plan_and_seed_give_the_same_run(prove: Prove) -> None:
    runner = prove()
    lost = plan("lost:Lambda.SdkClientException", "until-last-retry")
    first, other, second = (
        runner.run(one, with_path=True) for one in (lost, plan("crash-before", site=PUT), lost)
    )
    assert first.path == second.path != other.path
    assert first.virtual_ms == second.virtual_ms


def test_errors_that_take_the_same_path_are_run_once(prove: Prove) -> None:
    runner = prove()
    by_default = [one for one in runner.plans() if one.fault.startswith("refused:")]
    every = [one for one in runner.plans(every_error=True) if one.fault.startswith("refused:")]
    assert {one.fault for one in by_default} < {one.fault for one in every}
    [stands_for] = {one.like for one in by_default if one.fault.endswith("Lambda.ServiceException")}
    assert stands_for == ("Lambda.SdkClientException",)


def test_a_handler_declares_what_it_raises(prove: Prove) -> None:
    template = shop()
    del states(template)["Charge"]["Catch"][0], states(template)["Declined"]
    faults = {one.fault for one in prove(template).plans(every_error=True)}
    assert "refused:CardDeclined" in faults


def test_a_site_that_another_scenario_reaches_alike_is_taken_once(prove: Prove) -> None:
    scenarios = [
        Scenario(name="paid", input=INPUT, execution_name="o-1"),
        Scenario(name="declined", input={**INPUT, "card": "bad"}, execution_name="o-1"),
    ]
    runner = prove(scenarios=scenarios)
    assert {one.scenario for one in runner.plans()} == {"paid"}
    assert {one.scenario for one in runner.plans(every_site=True)} == {"paid", "declined"}


def test_a_function_that_outlives_its_state_may_do_its_work_afterwards(prove: Prove) -> None:
    template = shop()
    states(template)["Charge"]["TimeoutSeconds"] = 5
    runner = prove(template)
    [late] = [one for one in runner.plans() if one.fault == "late-work"]
    result = runner.run(late)
    assert (result.status, result.error) == ("FAILED", "States.Timeout")
    assert not result.violations


def test_a_function_that_ends_before_its_state_does_no_late_work(prove: Prove) -> None:
    assert "late-work" not in {one.fault for one in prove().plans()}
