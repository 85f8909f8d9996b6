"""Parallel and inline Map: frames that run side by side and are joined.

Each child frame runs until it blocks, in order; whoever ends tells its parent's step, which
collects results, starts the next iteration or fails the state. The first failure decides, and the
other children are aborted.
"""

from __future__ import annotations

from sfnlocal.errors import StateError
from sfnlocal.interpreter.dataflow import bound, effective_input, finish
from sfnlocal.interpreter.execution import Frame
from sfnlocal.interpreter.quotas import checked_input
from sfnlocal.interpreter.steps import (
    Machine,
    Step,
    enter,
    evaluation_failed,
    fail,
    leave,
    record,
    record_aside,
)
from sfnlocal.jsontext import json_text
from sfnlocal.language.program import MapState, ParallelState
from sfnlocal.limits import INLINE_MAP_CONCURRENCY_MAX
from sfnlocal.ports import Json


class ForkStep(Step):
    """What Parallel and Map share. A child is a frame in `frame.children`, by index."""

    __slots__ = ("failed", "finish", "prepare", "succeeded")

    def __init__(self, state: ParallelState | MapState) -> None:
        super().__init__(state)
        self.aborted = f"{state.type}StateAborted"
        self.succeeded = f"{state.type}StateSucceeded"
        self.failed = f"{state.type}StateFailed"
        self.prepare = effective_input(state)
        self.finish = finish(state)

    def _fork(
        self, frame: Frame, machine: Machine, index: int, value: Json, size: int, previous: int
    ) -> Frame:
        child = Frame(frame.execution, machine, value, size, previous, frame, index)
        frame.children[index] = child
        frame.execution.ready.append(child)
        return child

    def _collect(self, frame: Frame, child: Frame) -> None:
        del frame.children[child.index]
        frame.results[child.index] = child.value
        frame.results_bytes += child.value_bytes + 1
        frame.previous = child.previous

    def _join(self, frame: Frame) -> Step | None:
        """All children have ended well."""
        record_aside(frame, self.succeeded)
        try:
            assigned = self.finish(frame, frame.results, frame.results_bytes + 2)
        except StateError as error:
            return evaluation_failed(frame, error)
        frame.results = []
        return leave(frame, self, assigned, self.next)

    def child_failed(
        self, frame: Frame, child: Frame, error: str | None, cause: str | None
    ) -> None:
        del frame.children[child.index]
        frame.stopped = (child,)
        frame.previous = child.previous
        self._abort_children(frame)
        resume_later(frame, fail(frame, error, cause))

    def give_up(self, frame: Frame) -> None:
        record(frame, self.failed)

    def _abort_children(self, frame: Frame) -> None:
        ready = frame.execution.ready
        for child in frame.children.values():
            if child in ready:
                ready.remove(child)
            if child.entered_event:
                child.step.abort(child)
            self.child_aborted(child)
        frame.stopped += tuple(frame.children.values())
        frame.children.clear()

    def child_aborted(self, child: Frame) -> None:
        """The child was ended from outside."""

    def abort(self, frame: Frame) -> None:
        self._abort_children(frame)
        super().abort(frame)

    def take_back(self, frame: Frame) -> list[Frame]:
        """The children that did not succeed run again, and are given."""
        children = (*frame.stopped, *frame.children.values())
        frame.children = {child.index: child for child in sorted(children, key=_index)}
        frame.stopped = ()
        return list(frame.children.values())

    def start_over(self, frame: Frame) -> None:
        """Forget what the children did."""
        frame.children, frame.stopped, frame.results = {}, (), []


def _index(frame: Frame) -> int:
    return frame.index


def resume_later(frame: Frame, step: Step | None) -> None:
    """Let the frame go on at `step` when the running child has returned."""
    if step is not None:
        frame.step = step
        frame.entered_event = 0
        frame.stopped, frame.results = (), []
        frame.execution.ready.append(frame)


class ParallelStep(ForkStep):
    __slots__ = ("branches",)

    def __init__(self, state: ParallelState, branches: tuple[Machine, ...]) -> None:
        super().__init__(state)
        self.branches = branches

    def start(self, frame: Frame) -> Step | None:
        if frame.results:
            self.start_over(frame)
        try:
            value, size = self.prepare(frame)
            size = checked_input(value, size, self.name)
        except StateError as error:
            return evaluation_failed(frame, error)
        record(frame, "ParallelStateStarted")
        frame.results = [None] * len(self.branches)
        frame.results_bytes = 0
        for index, branch in enumerate(self.branches):
            self._fork(frame, branch, index, value, size, frame.previous)
        return None

    def child_succeeded(self, frame: Frame, child: Frame) -> None:
        self._collect(frame, child)
        if not frame.children:
            resume_later(frame, self._join(frame))

    def redrive(self, frame: Frame) -> Step | None:
        if not frame.results:
            return self.start(frame)
        return None if frame.children else self._join(frame)


def map_data(state: MapState, value: Json) -> Json:
    """What the expressions of a Map state see, whose effective input is `value`."""
    return {"input": value} if state.query_language == "JSONata" else value


def map_items(state: MapState, frame: Frame, value: Json) -> list[Json]:
    items = value if state.items is None else state.items.call(map_data(state, value), frame)
    if isinstance(items, list):
        return items
    if state.query_language == "JSONata":
        error = "States.QueryEvaluationError"
        raise StateError(error, f"Map state input must be an array but was: {json_text(items)}")
    raise StateError("States.Runtime", 'Reference path "$" must point to array.')


def tolerated_failures(
    state: MapState, frame: Frame, data: Json
) -> tuple[int | None, float | None]:
    """ToleratedFailureCount and ToleratedFailurePercentage."""
    count, percentage = state.tolerated_failure_count, state.tolerated_failure_percentage
    return (
        None if count is None else count.call(data, frame),
        None if percentage is None else percentage.call(data, frame),
    )


class MapStep(ForkStep):
    """`frame.items` are the items, `frame.started` counts the iterations that have begun."""

    __slots__ = ("processor",)

    def __init__(self, state: MapState, processor: Machine) -> None:
        super().__init__(state)
        self.processor = processor

    def run(self, frame: Frame) -> Step | None:
        before = frame.previous
        enter(frame, self)
        return self._start(frame, before)

    def start(self, frame: Frame) -> Step | None:
        return self._start(frame, None)

    def _start(self, frame: Frame, before: int | None) -> Step | None:
        state: MapState = self.state
        if frame.results:
            self.start_over(frame)
        try:
            value, size = self.prepare(frame)
            items = map_items(state, frame, value)
            concurrency = self._concurrency(frame, value)
        except StateError as error:
            jsonata = error.error == "States.QueryEvaluationError"
            return evaluation_failed(frame, error, before if jsonata else None)
        record(frame, "MapStateStarted", len(items))
        try:
            tolerated_failures(state, frame, self._data(frame, value))
        except StateError as error:
            return evaluation_failed(frame, error)
        frame.items = items
        frame.started = 0
        frame.results = [None] * len(items)
        frame.results_bytes = 0
        if not items:
            return self._join(frame)
        self._fill(frame, value, size, concurrency)
        return None

    def _fill(self, frame: Frame, value: Json, size: int, concurrency: int) -> None:
        """Start as many iterations as may run."""
        previous = frame.previous
        while frame.started < len(frame.items) and len(frame.children) < concurrency:
            if not self._iterate(frame, value, size, previous):
                break

    def redrive(self, frame: Frame) -> Step | None:
        if not frame.results:
            return self.start(frame)
        if not frame.children and frame.started == len(frame.items):
            return self._join(frame)
        try:
            value, size = self.prepare(frame)
            concurrency = self._concurrency(frame, value)
        except StateError as error:
            return evaluation_failed(frame, error)
        self._fill(frame, value, size, concurrency)
        return None

    def _concurrency(self, frame: Frame, value: Json) -> int:
        state: MapState = self.state
        if state.max_concurrency is None:
            return INLINE_MAP_CONCURRENCY_MAX
        wanted = state.max_concurrency.call(self._data(frame, value), frame)
        return min(wanted or INLINE_MAP_CONCURRENCY_MAX, INLINE_MAP_CONCURRENCY_MAX)

    def _data(self, frame: Frame, value: Json) -> Json:
        return map_data(self.state, value)

    def _iterate(self, frame: Frame, value: Json, size: int, previous: int) -> bool:
        """Start the next iteration after the event `previous`. False: its ItemSelector failed."""
        state: MapState = self.state
        index = frame.started
        item, item_bytes = frame.items[index], size
        map_item = {"Index": index, "Value": item, "Source": "STATE_DATA"}
        if state.item_selector is not None:
            outer, frame.map_item = frame.map_item, map_item
            try:
                item = state.item_selector.call(self._data(frame, value), frame)
                item_bytes = checked_input(
                    item, bound(state.item_selector, frame, size, item), self.name
                )
            except StateError as error:
                frame.previous = previous
                self._abort_children(frame)
                resume_later(frame, evaluation_failed(frame, error))
                return False
            finally:
                frame.map_item = outer
        frame.started += 1
        execution = frame.execution
        execution.history.append(
            ("MapIterationStarted", previous, execution.now_ms, self.name, index)
        )
        child = self._fork(frame, self.processor, index, item, item_bytes, len(execution.history))
        child.map_item = map_item
        return True

    def child_succeeded(self, frame: Frame, child: Frame) -> None:
        record_aside(child, "MapIterationSucceeded", self.name, child.index)
        succeeded_event = len(frame.execution.history)
        self._collect(frame, child)
        if frame.started < len(frame.items):
            value, size = self.prepare(frame)
            self._iterate(frame, value, size, child.previous)
        elif not frame.children:
            # Recorded: the state's end follows the iteration's end, the next iteration does not.
            frame.previous = succeeded_event
            resume_later(frame, self._join(frame))

    def child_failed(
        self, frame: Frame, child: Frame, error: str | None, cause: str | None
    ) -> None:
        record_aside(child, "MapIterationFailed", self.name, child.index)
        super().child_failed(frame, child, error, cause)

    def child_aborted(self, child: Frame) -> None:
        record_aside(child, "MapIterationAborted", self.name, child.index)
