"""Redriven executions as data: what a redrive appends to the history, and how it ends.

An event is written as in test_histories; time is seconds since the start of the execution.
"""

from __future__ import annotations

import heapq
import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.history import api_events, json_events
from sfnlocal.interpreter import Execution, handle, reopen, run_again
from sfnlocal.ports import TimerFired
from sfnlocal.reports.path import path_taken
from tests.sfnlocal.interpreter.test_histories import START_MS, Simulation, written

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "redrives.json").read_text())
NAMES = [case["name"] for case in CASES]


def run(case: dict[str, Any]) -> tuple[Execution, list[str]]:
    """The execution, and the events from its first redrive on."""
    simulation = Simulation(case)
    execution = simulation.run()
    before = len(execution.history)
    for at_seconds in case["redrive_at"]:
        assert execution.status in ("FAILED", "TIMED_OUT", "ABORTED")
        at_ms = START_MS + at_seconds * 1000
        simulation.due = [entry for entry in simulation.due if entry[0] > at_ms]
        heapq.heapify(simulation.due)
        simulation.carry_out(run_again(execution, reopen(execution, at_ms)))
        go_on(simulation)
    return execution, [written(event) for event in list(api_events(execution.history))[before:]]


def go_on(simulation: Simulation) -> None:
    execution = simulation.execution
    while simulation.due and execution.status == "RUNNING":
        at_ms, _, fact = heapq.heappop(simulation.due)
        if not isinstance(fact, TimerFired) or fact.timer_id in execution.timers:
            simulation.carry_out(handle(execution, fact, at_ms))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_only_what_did_not_succeed_runs_again(case: dict[str, Any]) -> None:
    execution, events = run(case)
    expected = case["expect"]
    assert execution.status == expected["status"], (execution.error, execution.cause)
    for field in ("output", "error"):
        if field in expected:
            assert getattr(execution, field) == expected[field]
    assert events == expected["events"]
    assert execution.redrive_count == len(case["redrive_at"])
    # The texts of the events, and the reports, know them.
    assert len(list(json_events(execution.history))) == len(execution.history)
    visits = path_taken(execution)
    assert [visit.outcome for visit in visits][-1] != "waiting"
    if execution.status == "SUCCEEDED":
        assert {visit.outcome for visit in visits} <= {"succeeded", "caught"}


def too_large(states: dict[str, Any], answers: dict[str, Any], **fields: Any) -> Execution:
    """Redriven after a minute."""
    definition = {"StartAt": next(iter(states)), "States": states}
    execution, _ = run(
        {"definition": definition, "answers": answers, "redrive_at": [60], "input": {}, **fields}
    )
    return execution


def task(following: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
        **following,
    }


HALF = "x" * 150_000


# https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html#redrive-behavior-states
def test_too_much_data_runs_all_branches_again() -> None:
    branches = [{"StartAt": name, "States": {name: task({"End": True})}} for name in ("A", "B")]
    fork = {"Type": "Parallel", "Branches": branches, "End": True}
    answers = {
        "A": [[{"output": HALF}], [{"output": 1}]],
        "B": [[{"output": HALF}], [{"output": 2}]],
    }
    execution = too_large({"Fork": fork}, answers)
    assert execution.output == [1, 2]


def test_too_much_data_runs_all_iterations_again() -> None:
    processor = {"StartAt": "A", "States": {"A": task({"End": True})}}
    each = {"Type": "Map", "ItemProcessor": processor, "End": True}
    outputs = [[{"output": HALF}], [{"output": HALF}], [{"output": 1}], [{"output": 2}]]
    execution = too_large({"Each": each}, {"A": outputs}, input=[0, 0])
    assert execution.output == [1, 2]


# https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
def test_variables_of_an_output_that_was_too_large_are_not_kept() -> None:
    states = {
        "Set": {"Type": "Pass", "Assign": {"n": 1}, "Next": "Work"},
        "Work": task(
            {"Assign": {"n.$": "States.MathAdd($n, 1)"}, "ResultPath": "$.result", "Next": "See"}
        ),
        "See": {"Type": "Pass", "Parameters": {"n.$": "$n"}, "End": True},
    }
    answers = {"Work": [[{"output": HALF}], [{"output": "small"}]]}
    execution = too_large(states, answers, input={"text": HALF})
    assert execution.output == {"n": 2}
