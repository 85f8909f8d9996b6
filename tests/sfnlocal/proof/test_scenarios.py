"""Scenarios with faults of their own: what comes after a fault is under proof too."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.errors import InputError
from sfnlocal.proof import Fault, Scenario
from sfnlocal.proof.results import Plan, Site
from tests.sfnlocal.proof.conftest import INPUT, Prove, again, broken, shop, states

LETTER = Site("state", "Shop", "Letter", 1)
FAILED = Fault("state:Shop/Charge#1", "refused:UnforeseenError")


def after(*given: Fault, **more: Any) -> list[Scenario]:
    """Where a charge has failed."""
    scenario: dict[str, Any] = {"name": "failed", "input": INPUT, "execution_name": "o-1"}
    return [Scenario(**scenario, given=given, expect="FAILED", **more)]


def with_compensation(*, caught: bool) -> dict[str, Any]:
    """A refund before the letter. `caught`: the letter is written also where it fails."""
    template = shop()
    found = states(template)
    to_letter = found["Charge"]["Catch"][-1]
    to_letter["Next"] = "Refund"
    found["Refund"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:deleteItem",
        "Arguments": {"TableName": "charges", "Key": {"id": {"S": "o-1"}}},
        "TimeoutSeconds": 30,
        "Next": "Letter",
    }
    if caught:
        found["Refund"]["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "Letter"}]
    return template


@pytest.mark.parametrize("caught", [True, False])
def test_a_compensation_is_under_proof_after_the_fault_that_leads_to_it(
    prove: Prove, caught: bool
) -> None:
    runner = prove(with_compensation(caught=caught), scenarios=after(FAILED, only=["Refund"]))
    assert not runner.baseline(runner.proof.scenarios[0]).violations
    plans = runner.plans()
    assert {one.site.name for one in plans} == {"Refund"}
    refund = next(one for one in plans if one.fault.startswith("refused:"))
    assert broken(runner.run(refund)) == (set() if caught else {"letter", "replay", "contents"})


def test_a_given_fault_is_no_plan_and_is_gone_when_the_work_comes_back(prove: Prove) -> None:
    runner = prove(scenarios=after(FAILED))
    [scenario] = runner.proof.scenarios
    result = runner.baseline(scenario)
    assert (result.status, result.violations) == ("FAILED", ())
    assert {site.name for site in result.sites} == {"Charge", "Letter"}


def test_several_given_faults_happen_one_after_the_other(prove: Prove) -> None:
    first = Fault("state:Shop/Charge#1", "lost:Lambda.SdkClientException")
    runner = prove(scenarios=after(first, FAILED))
    [scenario] = runner.proof.scenarios
    result = runner.baseline(scenario)
    assert (result.status, result.violations) == ("FAILED", ())


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("Charge", "time-out"), "'Charge' is no site"),
        (Fault("state:Shop/Pay#1", "time-out"), "does not come to state:Shop/Pay#1"),
        (Fault("state:Shop/Charge#1", "heartbeat-missed"), "has no fault 'heartbeat-missed'"),
        (Fault("state:Shop/Charge#1", "time-out", "for-ever"), "cannot last for-ever"),
    ],
)
def test_a_given_fault_that_cannot_be(prove: Prove, fault: Fault, says: str) -> None:
    runner = prove(scenarios=after(fault))
    with pytest.raises(InputError, match="scenario 'failed' of the proof Shop") as refused:
        runner.plans()
    assert says in str(refused.value)


def test_a_given_fault_that_an_earlier_one_makes_impossible(prove: Prove) -> None:
    aborted = Fault("state:Shop/Charge#1", "aborted")
    letter = Fault("state:Shop/Letter#1", "refused:UnforeseenError")
    with pytest.raises(InputError, match="does not come to state:Shop/Letter#1"):
        prove(scenarios=after(aborted, letter)).plans()


def test_a_scenario_tries_only_what_there_is(prove: Prove) -> None:
    runner = prove(scenarios=after(FAILED, only=["Refund"]))
    with pytest.raises(InputError, match="does not come to 'Refund'"):
        runner.plans()


def test_a_scenario_has_a_client_that_asks_again(prove: Prove) -> None:
    asked: list[str] = []

    def ask(app: Any) -> None:
        asked.append("asked")
        app.session.start_execution("Shop", INPUT, "o-1")

    def forget(app: Any, letter: dict[str, Any]) -> None:
        again(app, letter)

    scenarios = [Scenario(name="paid", start=ask, recover=lambda app: asked.append("again"))]
    runner = prove(scenarios=scenarios, replay=forget)
    plan = Plan("paid", Site("state", "Shop", "Charge", 1), "time-out", "once")
    assert not runner.run(plan).violations
    # The fault-free run asks once.
    assert asked == ["asked", "asked", "again"]


def test_a_runner_is_entered_once(prove: Prove) -> None:
    runner = prove()
    with pytest.raises(InputError, match="a Runner is entered once"):
        runner.__enter__()


# Children of a Map Run


def in_a_map_run() -> dict[str, Any]:
    template = shop()
    definition = template["Resources"]["Shop"]["Properties"]["Definition"]
    charge = definition["States"]["Charge"]
    inner = {
        key: charge[key] for key in ("Type", "Resource", "Arguments", "TimeoutSeconds", "Retry")
    }
    definition["StartAt"] = "Each"
    definition["States"]["Each"] = {
        "Type": "Map",
        "Items": "{% [$states.input] %}",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "ChargeEach",
            "States": {"ChargeEach": {**inner, "End": True}},
        },
        "Catch": [charge["Catch"][-1]],
        "Next": "Done",
    }
    del definition["States"]["Charge"], definition["States"]["Declined"]
    return template


def test_the_states_of_a_map_runs_children_are_sites(prove: Prove) -> None:
    runner = prove(in_a_map_run(), options={"iam": False})
    site = Site("state", "Shop", "ChargeEach", 1)
    faults = {one.fault for one in runner.plans() if one.site == site}
    assert {"refused:Lambda.ServiceException", "aborted", "twice"} <= faults
    for fault, error in (
        ("refused:UnforeseenError", "States.ExceedToleratedFailureThreshold"),
        ("lost:Lambda.ServiceException", None),
    ):
        result = runner.run(Plan("paid", site, fault, "once"))
        assert (result.error, broken(result)) == (error, set())
    missing = runner.coverage.machine("Shop").missing
    assert "ChargeEach" not in {one.state for one in missing if one.kind == "state"}


def test_the_calls_of_a_handler_in_a_map_runs_child_are_sites(prove: Prove) -> None:
    runner = prove(in_a_map_run(), options={"iam": False})
    site = Site("call", "Charge", "dynamodb.PutItem", 1)
    crash = Plan("paid", site, "crash-after", "once")
    assert crash in runner.plans()
    result = runner.run(crash)
    assert (result.status, broken(result)) == ("FAILED", set())
