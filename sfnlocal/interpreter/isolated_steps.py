"""The frame and the steps of a state that is tested by itself.

A mock stands for the work of Map and Parallel states; a Task's service is asked by whoever runs the
test. Where the state leads to, nothing is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sfnlocal.errors import StateError
from sfnlocal.interpreter.concurrent import MapStep, ParallelStep, map_items
from sfnlocal.interpreter.execution import Execution, Frame
from sfnlocal.interpreter.inspection import Inspection
from sfnlocal.interpreter.steps import Machine, Step, complete, evaluation_failed, fail, leave
from sfnlocal.interpreter.task import TaskStep
from sfnlocal.jsontext import json_bytes
from sfnlocal.language.program import (
    Evaluator,
    MapState,
    ParallelState,
    SucceedState,
    TaskState,
)
from sfnlocal.ports import Json, TaskAnswer

# Recorded.
THRESHOLD_EXCEEDED = (
    "States.ExceedToleratedFailureThreshold",
    "The specified tolerated failure threshold was exceeded",
)
_QUANTITIES = {
    "maxConcurrency": "max_concurrency",
    "toleratedFailureCount": "tolerated_failure_count",
    "toleratedFailurePercentage": "tolerated_failure_percentage",
}


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


class IsolatedFrame(Frame):
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


class Left(Step):
    """Where the state leads to. Nothing is done there."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(
            SucceedState(name=name, type="Succeed", pointer="", query_language="JSONPath")
        )

    def run(self, frame: Frame) -> Step | None:
        complete(frame)
        return None


class Targets(dict[str, Step]):
    """Every state, the tested one too."""

    def __missing__(self, name: str) -> Step:
        return Left(name)


class IsolatedTask(TaskStep):
    __slots__ = ("circumstances",)

    def __init__(self, state: TaskState, circumstances: Circumstances) -> None:
        super().__init__(state)
        self.circumstances = circumstances

    def start(self, frame: Frame) -> Step | None:
        _set_retries(frame, self.circumstances)
        return super().start(frame)


class MockedParallel(ParallelStep):
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


class MockedMap(MapStep):
    __slots__ = ("circumstances", "inspection")

    def __init__(
        self, state: MapState, circumstances: Circumstances, inspection: Inspection
    ) -> None:
        # The processor is not run, and may have in it what cannot be run here.
        super().__init__(state, Machine(Left(state.name), None))
        self.circumstances = circumstances
        self.inspection = inspection

    def _start(self, frame: Frame, before: int | None) -> Step | None:
        try:
            value, _ = self.prepare(frame)
            given = self.circumstances.items
            items = map_items(self.state, frame, value) if given is None else given
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
            return fail(frame, *THRESHOLD_EXCEEDED)
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
    frame: Frame, step: MockedMap | MockedParallel, circumstances: Circumstances
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
