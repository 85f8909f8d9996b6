"""Quotas that data cannot show in a few lines; the others are cases of test_histories."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

from tests.sfnlocal.interpreter.test_histories import Simulation

LOOP: dict[str, Any] = {
    "StartAt": "Loop",
    "States": {
        "Loop": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.end", "IsPresent": True, "Next": "End"}],
            "Default": "Loop",
        },
        "End": {"Type": "Succeed"},
    },
}


def test_the_event_after_24999_others_is_the_failure_that_says_so() -> None:
    execution = Simulation({"definition": LOOP}).run()
    *_, last_of_the_machine, failed = execution.history
    assert len(execution.history) == 25_000
    assert last_of_the_machine[:2] == ("ChoiceStateExited", 24_998)
    assert failed[0] == "ExecutionFailed"
    assert failed[1] == 24_999
    assert failed[3:] == (
        "States.Runtime",
        "The execution reached the maximum number of history events (25000).",
    )
    assert (execution.status, execution.output) == ("FAILED", None)


@pytest.mark.parametrize(("events_max", "status"), [(6, "SUCCEEDED"), (5, "FAILED"), (4, "FAILED")])
def test_the_end_of_an_execution_counts_too(events_max: int, status: str) -> None:
    definition = {
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": True}},
    }
    simulation = Simulation({"definition": definition})
    execution = simulation.execution
    execution.machine = replace(execution.machine, history_events_max=events_max)
    simulation.run()
    assert execution.status == status
    assert len(execution.history) == events_max


def test_express_histories_have_no_end() -> None:
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(13_000)}
    definition = {"StartAt": "S0", "States": {**states, "S13000": {"Type": "Succeed"}}}
    simulation = Simulation({"definition": definition})
    execution = simulation.execution
    execution.machine = replace(execution.machine, history_events_max=sys.maxsize)
    assert simulation.run().status == "SUCCEEDED"
    assert len(execution.history) == 26_004


def test_a_task_that_was_started_with_one_event_too_many_is_not_called() -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
    simulation = Simulation({"definition": {"StartAt": "T", "States": {"T": task}}})
    execution = simulation.execution
    execution.machine = replace(execution.machine, history_events_max=4)
    simulation.answers["T"] = [[]]
    simulation.run()
    assert [event[0] for event in execution.history] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "ExecutionFailed",
    ]
    assert not execution.frames_by_task


@pytest.mark.parametrize(("count", "status"), [(40, "SUCCEEDED"), (41, "FAILED")])
def test_all_variables_together_have_ten_mebibytes(count: int, status: str) -> None:
    size = 262_144 - len('{"v00":""}')
    states: dict[str, Any] = {
        f"S{n}": {
            "Type": "Pass",
            "Assign": {f"v{n:02}": f"{{% $pad('', {size - 100}, 'x') %}}"},
            "Output": "",
            "Next": f"S{n + 1}",
        }
        for n in range(count)
    }
    states[f"S{count}"] = {"Type": "Succeed"}
    definition = {"QueryLanguage": "JSONata", "StartAt": "S0", "States": states}
    execution = Simulation({"definition": definition}).run()
    assert execution.status == status
    assert execution.error == (None if status == "SUCCEEDED" else "States.DataLimitExceeded")


def test_a_variable_that_is_assigned_again_counts_once() -> None:
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Again",
        "States": {
            "Again": {
                "Type": "Pass",
                "Assign": {"v": "{% $pad('', 200000, 'x') %}"},
                "Output": "{% $states.input + 1 %}",
                "Next": "Enough",
            },
            "Enough": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input < 100 %}", "Next": "Again"}],
                "Default": "End",
            },
            "End": {"Type": "Succeed"},
        },
    }
    assert Simulation({"definition": definition, "input": 0}).run().status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("length", "events"), [(262_142, "TaskSucceeded"), (262_143, "TaskFailed")]
)
def test_a_task_result_over_the_quota_can_be_caught(length: int, events: str) -> None:
    definition = {
        "StartAt": "T",
        "States": {
            "T": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Catch": [
                    {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}
                ],
                "End": True,
            },
            "Caught": {"Type": "Succeed"},
        },
    }
    case = {"definition": definition, "answers": {"T": [[{"output": "x" * length}]]}}
    execution = Simulation(case).run()
    assert execution.status == "SUCCEEDED"
    assert events in [event[0] for event in execution.history]
