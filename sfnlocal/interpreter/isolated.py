"""One state by itself, as TestState runs it: the interpreter's own steps, with what the state leads
to cut off.

What the dataflow makes on its way is seen, not made again: the state's evaluators are replaced by
ones that note their values.
https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfnlocal.interpreter.dataflow import Finish
from sfnlocal.interpreter.execution import Execution, Frame
from sfnlocal.interpreter.inspection import Inspection
from sfnlocal.interpreter.isolated_steps import (
    THRESHOLD_EXCEEDED,
    Circumstances,
    IsolatedFrame,
    IsolatedTask,
    Left,
    MockedMap,
    MockedParallel,
    Targets,
)
from sfnlocal.interpreter.run import advance, step_for
from sfnlocal.interpreter.steps import Machine, Step, matches
from sfnlocal.language.program import MapState, ParallelState, State, TaskState
from sfnlocal.ports import Effect, Json, StartTimer

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
DURATION_MS_MAX = 300_000

_OCCURRED = re.compile(
    r"An error occurred while executing the state '.*?' \(entered at the event id #\d+\)\. ",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOutcome:
    """`status` is SUCCEEDED, FAILED, RETRIABLE or CAUGHT_ERROR; `details` are errorDetails."""

    status: str
    output: Json = None
    error: str | None = None
    cause: str | None = None
    next_state: str | None = None
    details: Mapping[str, int] = field(default_factory=dict)


class IsolatedState:
    """A test of one state: `start` it, `handle` what comes of it, ask for its `outcome`."""

    def __init__(self, state: State, circumstances: Circumstances) -> None:
        self.inspection = Inspection()
        self._circumstances = circumstances
        self._state = state
        self._caught: tuple[str | None, str | None] | None = None
        step = self._step(self.inspection.observed(state))
        step.link(Targets())
        step.catch = tuple(
            (catcher, target, self._noting(finish)) for catcher, target, finish in step.catch
        )
        self.machine = Machine(step, None)

    def _step(self, state: State) -> Step:
        circumstances = self._circumstances
        match state:
            case TaskState():
                return IsolatedTask(state, circumstances)
            case MapState():
                return MockedMap(state, circumstances, self.inspection)
            case ParallelState():
                return MockedParallel(state, circumstances)
        return step_for(state)

    def _noting(self, finish: Finish) -> Finish:
        def noted(frame: Frame, error_output: Json, size: int) -> Json:
            error_output = {**error_output, "Cause": _own_cause(error_output["Cause"])}
            self._caught = error_output["Error"] or None, error_output["Cause"] or None
            return finish(frame, error_output, size)

        return noted

    def start(self, execution: Execution) -> list[Effect]:
        """Run the state until it waits or is over."""
        effects: list[Effect] = []
        execution.effects = effects
        timer_id = execution.next_serial()
        execution.timers[timer_id] = (None, "execution")
        effects.append(StartTimer(timer_id, execution.now_ms + DURATION_MS_MAX))
        frame = IsolatedFrame(execution, self._circumstances)
        self.inspection.start(self._state, execution.input)
        execution.root = frame
        execution.ready.append(frame)
        advance(execution)
        return effects

    def outcome(self, execution: Execution, retry_after_ms: int | None = None) -> StateOutcome:
        """What came of it; `retry_after_ms` where the state waits for its next attempt."""
        frame = execution.root
        assert frame is not None
        self.inspection.end(frame.variables)
        if retry_after_ms is not None:
            error, cause = self._failure(frame)
            details = {
                **self._index("retryIndex", self._state.retry, error),
                "retryBackoffIntervalSeconds": retry_after_ms // 1000,
            }
            return StateOutcome(status="RETRIABLE", error=error, cause=cause, details=details)
        if execution.status == "SUCCEEDED":
            return self._succeeded(frame)
        if execution.status == "TIMED_OUT":
            return StateOutcome(status="FAILED", error="States.Timeout")
        error, cause = execution.error, _own_cause(execution.cause)
        return StateOutcome(
            status="FAILED", error=error, cause=cause, details=self._handlers(error)
        )

    def _succeeded(self, frame: Frame) -> StateOutcome:
        next_state = frame.step.name if isinstance(frame.step, Left) else None
        if self._caught is None:
            return StateOutcome(status="SUCCEEDED", output=frame.value, next_state=next_state)
        error, cause = self._caught
        return StateOutcome(
            status="CAUGHT_ERROR",
            output=frame.value,
            error=error,
            cause=cause,
            next_state=next_state,
            details=self._handlers(error),
        )

    def _handlers(self, error: str | None) -> dict[str, int]:
        """The Retrier that has no attempts left, and the Catcher that takes the error."""
        if error == "States.Runtime":
            return {}
        return {
            **self._index("retryIndex", self._state.retry, error),
            **self._index("catchIndex", self._state.catch, error),
        }

    def _index(self, key: str, handlers: tuple[Any, ...], error: str | None) -> dict[str, int]:
        found = (index for index, one in enumerate(handlers) if matches(one.error_equals, error))
        index = next(found, None)
        return {} if index is None else {key: index}

    def _failure(self, frame: Frame) -> tuple[str | None, str | None]:
        """Why the state is retried: its last event tells, or its mock, which left none."""
        mock, last = self._circumstances.mock, frame.execution.history[-1]
        if last[0] == frame.step.entered:
            if mock is not None and mock.error is not None:
                return mock.error, mock.cause
            return THRESHOLD_EXCEEDED
        error, cause = last[3:5] if last[0] == "EvaluationFailed" else last[-2:]
        return error, _own_cause(cause)


def _own_cause(cause: str | None) -> str | None:
    """Recorded: there is no event that the state was entered at."""
    return None if cause is None else _OCCURRED.sub("", cause, count=1)
