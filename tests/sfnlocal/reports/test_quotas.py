"""What came near a quota, from the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sfnlocal.interpreter import Execution
from sfnlocal.limits import EXPRESS_HISTORY_EVENTS_MAX
from sfnlocal.reports.quotas import quota_use_data, quota_uses, render_quota_uses

Play = Callable[..., Execution]
HALF = 131_072
FILLING: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Fill",
    "States": {
        "Fill": {
            "Type": "Pass",
            "Output": {"text": "{% $pad('', 200000, 'é') %}"},
            "Assign": {"half": f"{{% $pad('', {HALF - 2}, 'x') %}}"},
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "f", "Payload": "{% $half %}"},
            "Output": "",
            "End": True,
        },
    },
}
SMALL = {**FILLING, "States": {**FILLING["States"]}}
SMALL["States"]["Fill"] = {**FILLING["States"]["Fill"], "Output": "{% $pad('', 100000, 'é') %}"}


def told(execution: Execution, share_min: float) -> list[tuple[str, str, int]]:
    return [(use.what, use.state, use.used) for use in quota_uses(execution, share_min)]


def test_payloads_are_counted_in_bytes_and_named_by_their_state(play: Play) -> None:
    answers = {"Ask": [{"output": "y" * 209_716}]}
    execution = play(SMALL, answers=answers)
    assert told(execution, 0.5) == [
        ("result", "Ask", 209_718),
        ("output", "Fill", 200_002),
        ("input", "Ask", 200_002),
        ("arguments", "Ask", HALF + len('{"FunctionName":"f","Payload":}')),
        ("Assign", "Fill", HALF),
    ]
    assert told(execution, 0.8) == [("result", "Ask", 209_718)]


def test_what_is_over_its_quota_is_not_in_the_history(play: Play) -> None:
    execution = play(FILLING)
    assert execution.error == "States.DataLimitExceeded"
    assert told(execution, 0.8) == []


def test_of_many_visits_the_largest_is_told(play: Play) -> None:
    iteration = {
        "Type": "Pass",
        "Output": "{% $pad('', $states.input, 'x') %}",
        "Assign": {"n": "{% $states.input %}"},
        "Next": "Small",
    }
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "Items": [10_000, 200_000, 210_000],
                "ItemProcessor": {
                    "StartAt": "Big",
                    "States": {
                        "Big": iteration,
                        "Small": {"Type": "Succeed", "Output": 1},
                    },
                },
                "End": True,
            }
        },
    }
    assert told(play(definition), 0.7) == [("output", "Big", 210_002), ("input", "Small", 210_002)]


def test_the_events_of_a_standard_history_are_counted(play: Play) -> None:
    execution = play({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    execution.machine = replace(execution.machine, history_events_max=5)
    assert told(execution, 0.8) == [("history", "", 4)]
    unlimited = replace(execution.machine, history_events_max=EXPRESS_HISTORY_EVENTS_MAX)
    execution.machine = unlimited
    assert "history" not in [use.what for use in quota_uses(execution, 0)]


def test_a_variable_that_is_assigned_again_is_one_variable(play: Play) -> None:
    assign = {"Type": "Pass", "Assign": {"v": f"{{% $pad('', {HALF - 2}, 'x') %}}"}}
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {"A": {**assign, "Next": "B"}, "B": {**assign, "End": True}},
    }
    uses = {use.what: use for use in quota_uses(play(definition), 0.001)}
    assert uses["all variables"].used == HALF
    assert uses["all variables"].share == 1 / 80


def test_uses_are_written_as_lines_and_as_data(play: Play) -> None:
    definition = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Cause": "c" * 30_000}}}
    execution = play(definition, name="Failing")
    (use,) = quota_uses(execution, 0.8)
    assert render_quota_uses([(execution, use)], 0.8).splitlines() == [
        "at 80% of an AWS quota or more",
        "   92%  cause of state 'F': 30,000 of 32,768 characters, event 3 of Failing/run",
    ]
    assert quota_use_data(execution, use) == {
        "executionArn": execution.arn,
        "what": "cause",
        "state": "F",
        "used": 30_000,
        "limit": 32_768,
        "unit": "character",
        "share": 0.9155,
        "eventId": 3,
    }
    assert render_quota_uses([], 0.955) == "at 95.5% of an AWS quota or more: nothing"
