"""One execution as a test sees it: what it did, read from its history alone."""

from __future__ import annotations

from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.history import api_events
from sfnlocal.interpreter import Execution
from sfnlocal.ports import Json
from sfnlocal.reports.text import render_execution

_ANY: Any = object()
_SCHEDULED = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")


class Run:
    """Its text is the path taken, so that a failing assertion shows it."""

    def __init__(self, execution: Execution, session: Session) -> None:
        self.execution = execution
        self._session = session

    @property
    def arn(self) -> str:
        return self.execution.arn

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return self.execution.status

    @property
    def output(self) -> Json:
        return self.execution.output

    @property
    def error(self) -> str | None:
        return self.execution.error

    @property
    def cause(self) -> str | None:
        return self.execution.cause

    @property
    def duration_ms(self) -> int | None:
        """Virtual milliseconds from start to end; None while it runs."""
        if self.execution.stop_ms is None:
            return None
        return self.execution.stop_ms - self.execution.start_ms

    @property
    def events(self) -> list[dict[str, Any]]:
        """The history as GetExecutionHistory gives it; timestamps are epoch milliseconds."""
        return list(api_events(self.execution.history))

    @property
    def visited(self) -> list[str]:
        """The names of the states in the order in which they were entered."""
        return [event[3] for event in self._history("StateEntered")]

    def entered_ms(self, state: str) -> list[int]:
        """When the state was entered, in epoch milliseconds; once for each time."""
        return [event[2] for event in self._history("StateEntered") if event[3] == state]

    def attempts(self, state: str) -> int:
        """How often the state's task was scheduled, over all its visits."""
        names: dict[int, str] = {}
        count = 0
        for event_id, event in enumerate(self.execution.history, 1):
            name = event[3] if event[0].endswith("StateEntered") else names.get(event[1], "")
            names[event_id] = name
            count += event[0] in _SCHEDULED and name == state
        return count

    def _history(self, ending: str) -> list[tuple[Any, ...]]:
        return [event for event in self.execution.history if event[0].endswith(ending)]

    def redrive(self) -> Run:
        """Let it go on where it failed, timed out or was stopped, and let time run until nothing is
        due. Raises ApiError where AWS would refuse."""
        self._session.redrive_execution(self.arn)
        self._session.run_until_idle()
        return self

    def assert_succeeded(self, output: Json = _ANY) -> Run:
        """It ended SUCCEEDED and, where given, with this output."""
        if self.status != "SUCCEEDED":
            raise AssertionError(f"the execution is {self.status}, not SUCCEEDED\n{self}")
        if output is not _ANY and self.output != output:
            raise AssertionError(f"output {self.output!r}, expected {output!r}\n{self}")
        return self

    def assert_failed(self, error: str | None = None) -> Run:
        """It ended FAILED and, where given, with this error name."""
        if self.status != "FAILED":
            raise AssertionError(f"the execution is {self.status}, not FAILED\n{self}")
        if error is not None and self.error != error:
            raise AssertionError(f"error {self.error!r}, expected {error!r}\n{self}")
        return self

    def assert_visited(self, *states: str) -> Run:
        """It entered these states in this order, others in between allowed."""
        left = iter(self.visited)
        for state in states:
            if state not in left:
                raise AssertionError(f"{state!r} was not entered in this order: {states}\n{self}")
        return self

    def __repr__(self) -> str:
        return render_execution(self.execution)
