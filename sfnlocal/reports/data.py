"""Reports as JSON values, for other programs. Keys are camelCase, as in the Step Functions API;
times are ISO 8601 text."""

from __future__ import annotations

from typing import Any

from sfnlocal.interpreter import Execution
from sfnlocal.reports.events import cli_events
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.transitions import state_transitions
from sfnlocal.reports.visits import Attempt, Visit
from sfnlocal.reports.waiting import OpenTask
from sfnlocal.timestamps import iso_time


def execution_data(execution: Execution, *, history: bool = False) -> dict[str, Any]:
    """What DescribeExecution says, the path taken, the number of state transitions, and the
    history as the AWS CLI prints it. Absent values are left out; `output` and `input` are JSON
    values, not text."""
    data: dict[str, Any] = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": execution.version_arn or None,
        "stateMachineAliasArn": execution.alias_arn or None,
        "name": execution.name,
        "status": execution.status,
        "startDate": iso_time(execution.start_ms),
        "stopDate": _time(execution.stop_ms),
        "input": execution.input,
        "output": execution.output,
        "error": execution.error,
        "cause": execution.cause,
        "stateTransitions": state_transitions(execution),
        "path": [_visit(visit) for visit in path_taken(execution)],
    }
    if history:
        data["events"] = cli_events(execution)
    succeeded = execution.status == "SUCCEEDED"
    return {
        key: value
        for key, value in data.items()
        if value is not None or (key == "output" and succeeded)
    }


def open_task_data(task: OpenTask) -> dict[str, Any]:
    return _present(
        {
            "executionArn": task.execution_arn,
            "state": task.state,
            "resource": task.resource,
            "taskToken": task.token,
            "since": iso_time(task.since_ms),
        }
    )


def _visit(visit: Visit) -> dict[str, Any]:
    return _present(
        {
            "state": visit.state,
            "type": visit.type,
            "outcome": visit.outcome,
            "entered": iso_time(visit.entered_ms),
            "left": _time(visit.left_ms),
            "resource": visit.resource or None,
            "attempts": [_attempt(attempt) for attempt in visit.attempts],
        }
    )


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return _present(
        {
            "started": iso_time(attempt.started_ms),
            "ended": _time(attempt.ended_ms),
            "error": attempt.error,
            "cause": attempt.cause,
            "executionArn": attempt.execution_arn,
            "branches": [
                {"index": branch.index, "path": [_visit(visit) for visit in branch.visits]}
                for branch in attempt.branches
            ]
            or None,
        }
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_time(at_ms)


def _present(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}
