"""The path taken, as people read it, for whole executions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.interpreter import Execution
from sfnlocal.reports.path import path_taken, started_executions
from sfnlocal.reports.text import render_path
from sfnlocal.reports.transitions import state_transitions
from sfnlocal.reports.visits import all_visits

CASES = json.loads((Path(__file__).parent / "cases" / "paths.json").read_text())
CHILD = {
    "StartAt": "Child",
    "States": {
        "Child": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {
                "StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:c"
            },
            "End": True,
        }
    },
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_path_is_read_from_the_history(
    case: dict[str, Any], play: Callable[..., Execution]
) -> None:
    execution = play(
        case["definition"],
        case.get("input"),
        case.get("answers"),
        stop_after_ms=case.get("stop_after_ms"),
    )
    assert execution.status == case["expect"]["status"]
    assert render_path(execution).splitlines() == case["expect"]["path"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_each_visit_and_each_retry_is_a_state_transition(
    case: dict[str, Any], play: Callable[..., Execution]
) -> None:
    execution = play(
        case["definition"],
        case.get("input"),
        case.get("answers"),
        stop_after_ms=case.get("stop_after_ms"),
    )
    assert state_transitions(execution) == case["expect"]["transitions"]


def test_every_state_entered_is_one_visit(play: Callable[..., Execution]) -> None:
    for case in CASES:
        execution = play(case["definition"], case.get("input"), case.get("answers"))
        entered = [event[0] for event in execution.history if event[0].endswith("StateEntered")]
        types = [f"{visit.type}StateEntered" for visit in all_visits(path_taken(execution))]
        assert sorted(types) == sorted(entered), case["name"]


def test_executions_are_found_through_the_executions_that_started_them(
    play: Callable[..., Execution],
) -> None:
    last = play({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, name="last")
    middle = play(CHILD, None, _starts(last), name="middle")
    first = play(CHILD, None, _starts(middle), name="first")
    executions = {execution.arn: execution for execution in (first, middle, last)}
    assert list(started_executions(first, executions)) == [middle.arn, last.arn]
    assert started_executions(first, {}) == {}


def _starts(child: Execution) -> dict[str, Any]:
    return {"Child": [{"submitted": {"ExecutionArn": child.arn}, "output": {}}]}
