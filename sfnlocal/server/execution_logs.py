"""What CloudWatch Logs gets of executions, by their state machine's LoggingConfiguration.

Strategy: nothing is done while executions run. Before a call of CloudWatch Logs is answered, the
events that the histories have got since are written, of running executions too. Of an execution
that the session has forgotten, what was not written by then is lost.

Which level has which events: https://docs.aws.amazon.com/step-functions/latest/dg/cloudwatch-log-level.html.
Their form is what log groups in AWS have: every member but `details` is a text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sfnlocal.arns import Arn
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.history import Event, event_details, without_data
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_ascii
from sfnlocal.limits import LOGGED_PAYLOAD_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.server.log_settings import log_group
from sfnlocal.server.state_machines import StateMachineOperations
from sfnlocal.services.log_delivery import LogEvent, deliver

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

# Log groups, their streams, and what these get.
_Written: TypeAlias = dict[Arn, dict[str, list[LogEvent]]]


class ExecutionLogs:
    def __init__(self, session: Session, machines: StateMachineOperations) -> None:
        self._session = session
        self._machines = machines
        self._seen: dict[str, int] = {}

    def install(self) -> None:
        self._session.aws.before_each_call("logs", self._write)

    def _write(self) -> None:
        seen, written = self._seen, _Written()
        self._seen = {}
        for execution in list(self._session.executions.values()):
            count = len(execution.history)
            first = seen.get(execution.arn, 0)
            self._seen[execution.arn] = count
            if first < count:
                self._collect(execution, first, count, written)
        for arn, streams in written.items():
            for events in streams.values():
                events.sort(key=lambda event: event.at_ms)
            deliver(arn, streams)

    def _collect(self, execution: Execution, first: int, count: int, written: _Written) -> None:
        try:
            settings = self._machines.of_execution(execution.arn).logging
        except ApiError:
            # Forgotten a moment ago, by another thread.
            return
        for destination in settings.get("destinations", ()):
            arn = log_group(destination)
            if arn is None:
                continue
            streams = written.setdefault(arn, {})
            for event in _log_events(execution, first, count, settings):
                streams.setdefault(_stream(execution, event.at_ms), []).append(event)


def _stream(execution: Execution, at_ms: int) -> str:
    hour = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d-%H")
    return f"states/{execution.state_machine_name}/{hour}/00000000"


def _log_events(
    execution: Execution, first: int, count: int, settings: Mapping[str, Json]
) -> Iterator[LogEvent]:
    wanted = LEVELS[settings["level"]]
    with_data = settings["includeExecutionData"]
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
