"""One state by itself, as TestState runs it: the interpreter's own steps, with what the state leads
to cut off.

What the dataflow makes on its way is seen, not made again: the state's evaluators are replaced by
ones that note their values. A mock stands for the work; Map and Parallel have no other.
https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfnlocal.errors import StateError
from sfnlocal.interpreter.concurrent import MapStep, ParallelStep
from sfnlocal.interpreter.dataflow import Finish
from sfnlocal.interpreter.execution import Execution, Frame
from sfnlocal.interpreter.inspection import Inspection
from sfnlocal.interpreter.run import advance, link, step_for
from sfnlocal.interpreter.steps import (
    Machine,
    Step,
    complete,
    evaluation_failed,
    fail,
    leave,
    matches,
)
from sfnlocal.interpreter.task import TaskStep
from sfnlocal.jsontext import json_bytes
from sfnlocal.language.program import (
    Evaluator,
    MapState,
    ParallelState,
    State,
    SucceedState,
    TaskState,
)
from sfnlocal.ports import Effect, Json, StartTimer, TaskAnswer

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
DURATION_MS_MAX = 300_000

# Recorded.
_THRESHOLD_EXCEEDED = (
    "States.ExceedToleratedFailureThreshold",
    "The specified tolerated failure threshold was exceeded",
)
_QUANTITIES = {
    "maxConcurrency": "max_concurrency",
    "toleratedFailureCount": "tolerated_failure_count",
    "toleratedFailurePercentage": "tolerated_failure_percentage",
}

_OCCURRED = re.compile(
    r"An error occurred while executing the state '.*?' \(entered at the event id #\d+\)\. ",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the test says of the state's surroundings. `context` is the whole Context object;
    `retry_count` is how often each Retrier has retried before; `items` are what the ItemReader of
    a Map state reads; `failed_iterations` is how many of its iterations failed."""

    variables: dict[str, Json] = field(default_factory=dict)
    context: dict[str, Json] | None = None
    retry_count: int = 0
    mock: TaskAnswer | None = None
    items: list[Json] | None = None
    failed_iterations: int = 0


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
        step.link(_Targets())
        step.catch = tuple(
            (catcher, target, self._noting(finish)) for catcher, target, finish in step.catch
        )
        self.machine = Machine(step, None)

    def _step(self, state: State) -> Step:
        circumstances = self._circumstances
        match state:
            case TaskState():
                return _IsolatedTask(state, circumstances)
            case MapState():
                return _MockedMap(state, circumstances, self.inspection)
            case ParallelState():
                return _MockedParallel(state, circumstances)
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
        frame = _IsolatedFrame(execution, self._circumstances)
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
        next_state = frame.step.name if isinstance(frame.step, _Left) else None
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
            return _THRESHOLD_EXCEEDED
        error, cause = last[3:5] if last[0] == "EvaluationFailed" else last[-2:]
        return error, _own_cause(cause)


def _own_cause(cause: str | None) -> str | None:
    """Recorded: there is no event that the state was entered at."""
    return None if cause is None else _OCCURRED.sub("", cause, count=1)


class _IsolatedFrame(Frame):
    __slots__ = ("_given_context",)

    def __init__(self, execution: Execution, circumstances: Circumstances) -> None:
        super().__init__(execution, execution.machine, execution.input, execution.input_bytes, 0)
        self._given_context = circumstances.context
        self.variables = circumstances.variables
        self.variable_bytes = json_bytes(circumstances.variables)

    def context(self) -> dict[str, Json]:
        if self._given_context is not None:
            return self._given_context
        context = super().context()
        # Recorded: what is tested cannot be redriven.
        del context["Execution"]["RedriveCount"]
        return context


class _Left(Step):
    """Where the state leads to. Nothing is done there."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(
            SucceedState(name=name, type="Succeed", pointer="", query_language="JSONPath")
        )

    def run(self, frame: Frame) -> Step | None:
        complete(frame)
        return None


class _Targets(dict[str, Step]):
    """Every state, the tested one too."""

    def __missing__(self, name: str) -> Step:
        return _Left(name)


class _IsolatedTask(TaskStep):
    __slots__ = ("circumstances",)

    def __init__(self, state: TaskState, circumstances: Circumstances) -> None:
        super().__init__(state)
        self.circumstances = circumstances

    def start(self, frame: Frame) -> Step | None:
        _set_retries(frame, self.circumstances)
        return super().start(frame)


class _MockedParallel(ParallelStep):
    __slots__ = ("circumstances",)

    def __init__(self, state: ParallelState, circumstances: Circumstances) -> None:
        super().__init__(state, ())
        self.circumstances = circumstances

    def start(self, frame: Frame) -> Step | None:
        try:
            self.prepare(frame)
        except StateError as error:
            return evaluation_failed(frame, error)
        return _answer(frame, self, self.circumstances)


class _MockedMap(MapStep):
    __slots__ = ("circumstances", "inspection")

    def __init__(
        self, state: MapState, circumstances: Circumstances, inspection: Inspection
    ) -> None:
        super().__init__(state, link(state.processor))
        self.circumstances = circumstances
        self.inspection = inspection

    def _start(self, frame: Frame, before: int | None) -> Step | None:
        try:
            value, _ = self.prepare(frame)
            given = self.circumstances.items
            items = self._items(frame, value) if given is None else given
            data = self._data(frame, value)
            self._select(frame, data, items)
            self._note("maxConcurrency", frame, data, 0)
            tolerated = [
                self._note("toleratedFailureCount", frame, data),
                self._note("toleratedFailurePercentage", frame, data),
            ]
        except StateError as error:
            return evaluation_failed(frame, error)
        if self._too_many_failed(tolerated[0], tolerated[1], len(items)):
            _set_retries(frame, self.circumstances)
            return fail(frame, *_THRESHOLD_EXCEEDED)
        return _answer(frame, self, self.circumstances)

    def _note(self, name: str, frame: Frame, data: Json, default: int | None = None) -> int | None:
        evaluator: Evaluator | None = getattr(self.state, _QUANTITIES[name])
        value: int | None = default if evaluator is None else evaluator.call(data, frame)
        if value is not None:
            self.inspection.note(name, value)
        return value

    def _too_many_failed(self, count: int | None, percentage: int | None, items: int) -> bool:
        """Recorded: without a threshold of its own, no failure is too many."""
        failed, mock = self.circumstances.failed_iterations, self.circumstances.mock
        if mock is not None and mock.error is not None:
            return False
        return (count is not None and failed > count) or (
            percentage is not None and failed * 100 > percentage * items
        )

    def _select(self, frame: Frame, data: Json, items: list[Json]) -> None:
        selector: Evaluator | None = self.state.item_selector
        if selector is None:
            return
        selected = []
        for index, item in enumerate(items):
            frame.map_item = {"Index": index, "Value": item, "Source": "STATE_DATA"}
            selected.append(selector.call(data, frame))
        frame.map_item = None
        self.inspection.note("afterItemSelector", selected)


def _set_retries(frame: Frame, circumstances: Circumstances) -> None:
    frame.retries = [circumstances.retry_count] * len(frame.step.state.retry)


def _answer(
    frame: Frame, step: _MockedMap | _MockedParallel, circumstances: Circumstances
) -> Step | None:
    """Go on with what the mock says."""
    mock = circumstances.mock
    assert mock is not None, f"a {step.state.type} state is mocked"
    _set_retries(frame, circumstances)
    if mock.error is not None:
        return fail(frame, mock.error, mock.cause)
    try:
        assigned = step.finish(frame, mock.output, json_bytes(mock.output))
    except StateError as error:
        return evaluation_failed(frame, error)
    return leave(frame, step, assigned, step.next)
