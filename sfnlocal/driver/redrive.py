"""Whether an execution can be redriven, and why not, in AWS's words.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html#redrive-eligibility
"""

from __future__ import annotations

from typing import NamedTuple

from sfnlocal.interpreter import Execution
from sfnlocal.limits import (
    EXPRESS_HISTORY_EVENTS_MAX,
    REDRIVABLE_EVENTS_MAX,
    REDRIVABLE_MS_MAX,
    STANDARD_DURATION_MS_MAX,
)

_UNSUCCESSFUL = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})


class RedriveStatus(NamedTuple):
    """As DescribeExecution has it: `reason` is empty where it can be redriven."""

    status: str
    reason: str = ""


def redrive_status(
    execution: Execution, now_ms: int, *, machine_deleted: bool = False
) -> RedriveStatus:
    reason = _reason(execution, now_ms, machine_deleted)
    if reason:
        return RedriveStatus("NOT_REDRIVABLE", reason)
    return RedriveStatus("REDRIVABLE_BY_MAP_RUN" if execution.map_run_arn else "REDRIVABLE")


def is_express(execution: Execution) -> bool:
    return execution.machine.history_events_max == EXPRESS_HISTORY_EVENTS_MAX


def _reason(execution: Execution, now_ms: int, machine_deleted: bool) -> str:
    if machine_deleted:
        return "State machine is in DELETING status"
    if execution.status not in _UNSUCCESSFUL:
        return f"Execution is {execution.status} and cannot be redriven"
    if is_express(execution):
        # A Map Run starts it anew, which can always be done.
        return ""
    if len(execution.history) > REDRIVABLE_EVENTS_MAX:
        return "Execution history event limit exceeded"
    if now_ms - execution.start_ms >= STANDARD_DURATION_MS_MAX:
        return "Execution has exceeded the max execution time"
    assert execution.stop_ms is not None
    if now_ms - execution.stop_ms > REDRIVABLE_MS_MAX:
        return "Execution redrivable period exceeded"
    return ""
