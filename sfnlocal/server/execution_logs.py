"""What CloudWatch Logs gets of executions, by their state machine's LoggingConfiguration.

Strategy: nothing is done while executions run. Before a call of CloudWatch Logs is answered, the
events that the histories have got since are written, of running executions too. Of an execution
that the session has forgotten, what was not written by then is lost.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

from sfnlocal.arns import Arn
from sfnlocal.driver.execution_log_events import log_events
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.interpreter import Execution
from sfnlocal.server.log_settings import log_group
from sfnlocal.server.state_machines import StateMachineOperations
from sfnlocal.services.log_delivery import LogEvent, deliver

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
            with_data = settings["includeExecutionData"]
            events = log_events(execution, first, count, settings["level"], with_data=with_data)
            for event in events:
                streams.setdefault(_stream(execution, event.at_ms), []).append(event)


def _stream(execution: Execution, at_ms: int) -> str:
    hour = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d-%H")
    return f"states/{execution.state_machine_name}/{hour}/00000000"
