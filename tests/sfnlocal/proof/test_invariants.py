"""What each invariant says when it is broken: mistakes that people make, and the fault that finds
them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sfnlocal.errors import InputError
from sfnlocal.proof import Scenario
from sfnlocal.proof.results import Plan, Site
from sfnlocal.testing import LocalApp
from tests.sfnlocal.proof.conftest import INPUT, Prove, broken, plan, shop, states

PUT = "dynamodb.PutItem"
Template = dict[str, Any]


def without_catch(template: Template) -> None:
    charge = states(template)["Charge"]
    charge["Catch"] = charge["Catch"][:1]
    del states(template)["Letter"], states(template)["Failed"]


def without_input(template: Template) -> None:
    del states(template)["Letter"]["Arguments"]["MessageBody"]["input"]


def without_error(template: Template) -> None:
    del states(template)["Letter"]["Arguments"]["MessageBody"]["error"]


def without_state(template: Template) -> None:
    """The Context object speaks of the state that sends the letter, or of none."""
    del states(template)["Letter"]["Arguments"]["MessageBody"]["state"]


def letter_for_the_declined(template: Template) -> None:
    states(template)["Charge"]["Catch"][0]["Next"] = "Declined letter"
    states(template)["Declined letter"] = {
        **states(template)["Letter"],
        "Arguments": {
            **states(template)["Letter"]["Arguments"],
            "MessageBody": {"executionArn": "{% $states.context.Execution.Id %}"},
        },
        "Next": "Declined",
    }


def without_time_out(template: Template) -> None:
    del states(template)["Charge"]["TimeoutSeconds"]
    del template["Resources"]["Shop"]["Properties"]["Definition"]["TimeoutSeconds"]


def failure_that_succeeds(template: Template) -> None:
    states(template)["Letter"]["Next"] = "Done"
    del states(template)["Failed"]


def key_of_each_attempt(template: Template) -> None:
    """The charge is written under a name that no retry knows."""
    code = template["Resources"]["Charge"]["Properties"]["Code"]
    code["ZipFile"] = code["ZipFile"].replace(
        '"id": {"S": event["id"]}', '"id": {"S": event["id"] + context.aws_request_id}'
    )


@pytest.mark.parametrize(
    ("mistake", "fault", "spoke"),
    [
        (without_catch, plan("refused:UnforeseenError"), "letter"),
        (without_input, plan("refused:UnforeseenError"), "letter"),
        (without_error, plan("refused:UnforeseenError"), "letter"),
        (without_state, plan("refused:UnforeseenError"), "letter"),
        (letter_for_the_declined, plan("refused:CardDeclined"), "letter"),
        (without_time_out, plan("late-answer", "for-ever"), "ended"),
        (failure_that_succeeds, plan("refused:UnforeseenError"), "letter"),
        (key_of_each_attempt, plan("lost:Lambda.SdkClientException"), "contents"),
        (key_of_each_attempt, plan("twice"), "contents"),
        (key_of_each_attempt, plan("crash-after", site=PUT), "contents"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_mistake_is_found(
    prove: Prove, mistake: Callable[[Template], None], fault: Plan, spoke: str
) -> None:
    template = shop()
    mistake(template)
    result = prove(template).run(fault)
    assert spoke in broken(result)
    for violation in result.violations:
        assert violation.command == f"sfnlocal prove Shop --plan '{fault}' --seed 0"
        assert "Charge" in violation.path


def test_the_difference_to_the_run_without_a_fault_is_shown(prove: Prove) -> None:
    template = shop()
    code = template["Resources"]["Charge"]["Properties"]["Code"]
    code["ZipFile"] = code["ZipFile"].replace(
        '"id": {"S": event["id"]}', '"id": {"S": str(len(context.aws_request_id) and id(event))}'
    )
    [violation] = prove(template).run(plan("lost:Lambda.SdkClientException")).violations
    assert violation.invariant == "contents"
    assert "Charges:" in violation.message
    assert "  +{" in violation.message


def charges(app: LocalApp) -> dict[str, int]:
    return {"o-1": len(app.items("Charges"))}


def nothing_is_charged_twice(app: LocalApp) -> None:
    assert len(app.items("Charges")) <= 1, "charged twice"


def test_a_side_effect_is_counted_by_its_key(prove: Prove) -> None:
    template = shop()
    key_of_each_attempt(template)
    runner = prove(
        template,
        effects={"charge of order": charges},
        invariants=[nothing_is_charged_twice],
        ignore={"Charges": "only what is counted counts"},
    )
    counted, asserted = runner.run(plan("lost:Lambda.SdkClientException")).violations
    assert (counted.invariant, counted.message) == ("twice", "charge of order o-1 was done 2 times")
    assert asserted.invariant == "nothing_is_charged_twice"
    assert asserted.message.startswith("charged twice")


def test_what_is_ignored_does_not_count(prove: Prove) -> None:
    template = shop()
    key_of_each_attempt(template)
    fault = plan("lost:Lambda.SdkClientException")
    assert not prove(template, ignore={"Charges": "it may"}).run(fault).violations


@pytest.mark.parametrize(("letter_states", "spoke"), [(("Letter",), set()), ((), {"letter"})])
def test_only_a_fault_where_letters_are_sent_may_send_a_copy(
    prove: Prove, letter_states: tuple[str, ...], spoke: set[str]
) -> None:
    bad = Scenario(name="paid", input={"id": "o-1"}, execution_name="o-1", expect="FAILED")
    template = shop()
    states(template)["Letter"]["Retry"] = [{"ErrorEquals": ["SQS.SdkClientException"]}]
    fault = Plan("paid", Site("state", "Shop", "Letter", 1), "lost:SQS.SdkClientException", "once")
    runner = prove(template, scenarios=[bad], letter_states=letter_states)
    assert broken(runner.run(fault)) == spoke


def forget(app: LocalApp, letter: dict[str, Any]) -> None:
    """The letter is thrown away."""


def refuse(app: LocalApp, letter: dict[str, Any]) -> None:
    raise ValueError("what is this?")


@pytest.mark.parametrize("replay", [forget, refuse])
def test_a_replay_that_does_not_bring_the_work_back_is_a_violation(
    prove: Prove, replay: Any
) -> None:
    result = prove(replay=replay).run(plan("refused:UnforeseenError"))
    assert broken(result) == {"replay", "contents"}


def test_a_scenario_that_ends_otherwise_is_a_violation_already(prove: Prove) -> None:
    runner = prove(
        scenarios=[Scenario(name="paid", input=INPUT, execution_name="o-1", expect="FAILED")]
    )
    result = runner.baseline(runner.proof.scenarios[0])
    assert [one.message for one in result.violations] == [
        "the scenario ends SUCCEEDED without a fault, not FAILED"
    ]


def charging_after(statement: str) -> dict[str, Any]:
    template = shop()
    code = template["Resources"]["Charge"]["Properties"]["Code"]
    code["ZipFile"] = code["ZipFile"].replace(
        "    TABLE.put_item", f"    {statement}\n    TABLE.put_item"
    )
    return template


def test_a_handler_that_sleeps_past_its_time_out_is_told_with_its_stack(prove: Prove) -> None:
    runner = prove(charging_after("import time; time.sleep(60)"))
    result = runner.run(plan("refused:Lambda.ServiceException"))
    assert result.stacks
    assert all("time.sleep" in stack for stack in result.stacks)
    assert "hung" not in broken(result)


def test_a_handler_that_takes_no_end_is_ended_and_told_with_its_stack(prove: Prove) -> None:
    template = charging_after("import threading; threading.Event().wait()")
    runner = prove(template, options={"handler_wall_ms": 200})
    found = runner.baseline(runner.proof.scenarios[0])
    assert found.status == "FAILED"
    told = [one.message for one in found.violations if one.invariant == "hung"]
    assert told[0].startswith("the handler charge ")
    assert "threading.Event().wait()" in told[0]
    result = runner.run(plan("twice"))
    assert "hung" in broken(result)


@pytest.mark.parametrize("given", ["invariants", "effects", "prepare", "input"])
def test_a_mistake_in_the_projects_own_code_is_told_as_one(prove: Prove, given: str) -> None:
    def broken_by_mistake(app: LocalApp) -> Any:
        raise KeyError("stock")

    scenario: dict[str, Any] = {"name": "paid", "input": INPUT}
    every: dict[str, dict[str, Any]] = {
        "invariants": {"invariants": [broken_by_mistake]},
        "effects": {"effects": {"charge": broken_by_mistake}},
        "prepare": {"scenarios": [Scenario(**scenario, prepare=broken_by_mistake)]},
        "input": {"scenarios": [Scenario(**(scenario | {"input": broken_by_mistake}))]},
    }
    with pytest.raises(InputError, match="raises KeyError: 'stock'"):
        prove(**every[given]).run(plan("time-out"))
