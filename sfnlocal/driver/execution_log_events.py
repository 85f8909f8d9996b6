"""The log events that Step Functions writes of an execution to CloudWatch Logs.

Which level has which events: https://docs.aws.amazon.com/step-functions/latest/dg/cloudwatch-log-level.html.
Their form is what log groups in AWS have: every member but `details` is a text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sfnlocal.history import Event, event_details, without_data
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_ascii
from sfnlocal.limits import LOGGED_PAYLOAD_BYTES_MAX
from sfnlocal.services.log_delivery import LogEvent

_ENDS_BADLY = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})


def _is_error(event_type: str) -> bool:
    return (
        event_type.endswith(("Failed", "Aborted", "TimedOut")) or event_type == "FailStateEntered"
    )


LEVELS: Mapping[str, Callable[[str], bool]] = {
    "ALL": lambda event_type: True,
    "ERROR": _is_error,
    "FATAL": _ENDS_BADLY.__contains__,
    "OFF": lambda event_type: False,
}


def log_events(
    execution: Execution, first: int, count: int, level: str, *, with_data: bool
) -> Iterator[LogEvent]:
    """Of the events of its history from index `first` up to `count`."""
    wanted = LEVELS[level]
    redrives = _redrives(execution)
    for index in range(first, count):
        event = execution.history[index]
        event_type, previous_event_id, at_ms = event[:3]
        if wanted(event_type):
            message = {
                "details": _details(event, with_data=with_data),
                "redrive_count": str(bisect_right(redrives, index)),
                "id": str(index + 1),
                "type": event_type,
                "previous_event_id": str(previous_event_id),
                "event_timestamp": str(at_ms),
                "execution_arn": execution.arn,
            }
            yield LogEvent(at_ms, json_ascii(message))


def _redrives(execution: Execution) -> list[int]:
    """Where they stand in the history."""
    if not execution.redrive_count:
        return []
    types = (event[0] for event in execution.history)
    return [index for index, type in enumerate(types) if type == "ExecutionRedriven"]


def _details(event: Event, *, with_data: bool) -> dict[str, Any]:
    details = event_details(event)
    if not with_data:
        return without_data(details)
    for name in ("input", "output"):
        if name in details and len(details[name]) * 6 > LOGGED_PAYLOAD_BYTES_MAX:
            text = _truncated(details[name])
            if text is not details[name]:
                details[name], details[f"{name}Details"] = text, {"truncated": True}
    return details


def _truncated(text: str) -> str:
    """As much of it as is not too long when it is escaped; itself where that is all."""
    while (size := len(json_ascii(text))) > LOGGED_PAYLOAD_BYTES_MAX:
        text = text[: len(text) * LOGGED_PAYLOAD_BYTES_MAX // size]
    return text
