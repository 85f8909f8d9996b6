"""The Map state in distributed mode: its iterations are executions of their own.

Strategy: the state asks for items as long as child executions may run, turns them into inputs
and asks for children; reading, running and writing are the driver's. The history has the Map Run's
begin and end only. https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

from sfnlocal.arns import map_run_arn
from sfnlocal.errors import StateError
from sfnlocal.interpreter.concurrent import map_data, map_items, tolerated_failures
from sfnlocal.interpreter.dataflow import effective_input, finish
from sfnlocal.interpreter.execution import Frame
from sfnlocal.interpreter.map_run import ChildInput, Export, MapRun, Read
from sfnlocal.interpreter.quotas import checked_input, too_large
from sfnlocal.interpreter.steps import (
    Machine,
    Step,
    end,
    evaluation_failed,
    fail,
    leave,
    record,
    record_aside,
    record_evaluation_failure,
    stop_waiting,
)
from sfnlocal.jsontext import json_bytes, json_text
from sfnlocal.language.program import DistributedMap, Evaluator, MapState
from sfnlocal.limits import (
    EXPRESS_DURATION_MS_MAX,
    EXPRESS_HISTORY_EVENTS_MAX,
    MAP_INPUT_BYTES_MAX,
    MAP_ITEMS_MAX,
    MAP_RUN_REDRIVES_MAX,
)
from sfnlocal.ports import (
    ChildEnded,
    ItemReaderFailed,
    ItemsRead,
    Json,
    ReadItems,
    RedriveChild,
    RedriveMapRun,
    ResultsWritten,
    StartChild,
    StartMapRun,
    StopChildren,
    WriteResults,
)

# At most so many items are asked for at once: they are all in memory.
_ITEMS_AT_ONCE = 1_000
# Failed by one of these, a Map Run is not redriven: a new one is started.
# https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
_BEGUN_ANEW = frozenset(
    {"States.DataLimitExceeded", "States.QueryEvaluationError", "States.Runtime"}
)


class DistributedMapStep(Step):
    __slots__ = ("distributed", "finish", "keeps_results", "prepare", "processor")

    def __init__(self, state: MapState, distributed: DistributedMap, processor: Machine) -> None:
        super().__init__(state)
        self.aborted = "MapStateAborted"
        self.distributed = distributed
        if distributed.express:
            longest_seconds = EXPRESS_DURATION_MS_MAX // 1000
            processor = replace(
                processor,
                timeout_seconds=longest_seconds,
                history_events_max=EXPRESS_HISTORY_EVENTS_MAX,
            )
        self.processor = processor
        self.prepare = effective_input(state)
        self.finish = finish(state)
        self.keeps_results = _keeps_results(state, distributed)

    def start(self, frame: Frame) -> Step | None:
        state: MapState = self.state
        frame.execution.map_runs.pop(frame.task_id, None)
        try:
            value, _ = self.prepare(frame)
            data = map_data(state, value)
            items = [] if self.distributed.reader else map_items(state, frame, value)
            concurrency = _number(state.max_concurrency, frame, data) or 0
        except StateError as error:
            return evaluation_failed(frame, error)
        record(frame, "MapStateStarted", len(items))
        execution = frame.execution
        try:
            run = self._new_run(frame, data, items, concurrency)
        except StateError as error:
            return evaluation_failed(frame, error)
        self._wait_for(frame, run)
        record(frame, "MapRunStarted", run.arn)
        frame.started = len(execution.history)
        execution.effects.append(StartMapRun(frame.task_id))
        return self._go_on(frame, run)

    def _wait_for(self, frame: Frame, run: MapRun) -> None:
        execution = frame.execution
        frame.task_id = execution.next_serial()
        execution.frames_by_task[frame.task_id] = frame
        execution.map_runs[frame.task_id] = run

    def redrive(self, frame: Frame) -> Step | None:
        execution = frame.execution
        run = execution.map_runs.pop(frame.task_id, None)
        if run is None or run.error in _BEGUN_ANEW:
            return self.start(frame)
        if run.redrive_count == MAP_RUN_REDRIVES_MAX:
            cause = f"The Map Run has been redriven {MAP_RUN_REDRIVES_MAX} times."
            return evaluation_failed(frame, StateError("States.Runtime", cause))
        run.begin_again(execution.now_ms)
        self._wait_for(frame, run)
        record(frame, "MapRunRedriven", run.arn, run.redrive_count)
        frame.started = len(execution.history)
        execution.effects.append(RedriveMapRun(frame.task_id))
        return self._go_on(frame, run)

    def _new_run(self, frame: Frame, data: Json, items: list[Json], concurrency: int) -> MapRun:
        state, distributed = self.state, self.distributed
        execution = frame.execution
        count, percentage = tolerated_failures(state, frame, data)
        label = distributed.label or _unique(frame)
        run = MapRun(
            arn=map_run_arn(execution.state_machine_arn, label, _unique(frame)),
            execution_arn=execution.arn,
            label=label,
            machine=self.processor,
            express=distributed.express,
            start_ms=execution.now_ms,
            max_concurrency=concurrency,
            tolerated_count=count,
            tolerated_percentage=percentage,
            transformation="COMPACT",
            keeps_results=self.keeps_results,
            items=items,
        )
        if (reader := distributed.reader) is not None:
            items_max = _number(reader.max_items, frame, data) or 0
            run.read = Read(reader, _parameters(reader.arguments, frame, data), items_max)
        if (batcher := distributed.batcher) is not None:
            # Without a number of items, bytes alone close a batch.
            run.batch_items_max = _number(batcher.max_items, frame, data) or MAP_ITEMS_MAX
            bytes_max = _number(batcher.max_input_bytes, frame, data)
            run.batch_bytes_max = bytes_max or MAP_INPUT_BYTES_MAX
            if batcher.batch_input is not None:
                run.batch_input = batcher.batch_input.call(data, frame)
        if (writer := distributed.writer) is not None:
            run.transformation = writer.transformation
            if writer.arguments is not None:
                parameters = _parameters(writer.arguments, frame, data)
                run.export = Export(parameters, writer.json_lines)
        return run

    def resume(self, frame: Frame, fact: Any) -> Step | None:
        run = frame.execution.map_runs[frame.task_id]
        match fact:
            case ItemsRead():
                run.reading = False
                if run.error is None:
                    try:
                        self._take(frame, run, fact)
                    except StateError as error:
                        cause = record_evaluation_failure(frame, error)
                        self._fail_run(frame, run, error.error, cause)
            case ItemReaderFailed():
                run.reading, run.all_read = False, True
                self._fail_run(frame, run, "States.ItemReaderFailed", fact.cause)
            case ChildEnded():
                run.child_ended(fact.index, fact.status, fact.items, fact.result)
            case ResultsWritten():
                return self._ended(frame, run, fact)
        if run.error is None and run.too_many_failed:
            self._fail_run(
                frame,
                run,
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )
        return self._go_on(frame, run)

    def _fail_run(self, frame: Frame, run: MapRun, error: str, cause: str) -> None:
        run.error, run.cause = error, cause
        frame.execution.effects.append(StopChildren(frame.task_id))

    # Items and children

    def _take(self, frame: Frame, run: MapRun, fact: ItemsRead) -> None:
        """Make inputs of the items."""
        value, _ = self.prepare(frame)
        data = map_data(self.state, value)
        run.all_read = fact.last
        for item in fact.items:
            selected = self._selected(frame, run, item, fact.source, data)
            size = json_bytes(selected)
            if run.read is None:
                checked_input(selected, size, self.name)
            elif size > MAP_INPUT_BYTES_MAX:
                cause = (
                    f"{fact.source}: item {run.items_read} has {size} bytes, more than the "
                    f"{MAP_INPUT_BYTES_MAX} that a child execution's input can have."
                )
                self._fail_run(frame, run, "States.ItemReaderFailed", cause)
                return
            run.items_read += 1
            if self.distributed.batcher is None:
                run.waiting.append(ChildInput(selected, 1))
            else:
                _add_to_batch(run, selected, size)
        if run.all_read:
            _close_batch(run)

    def _selected(self, frame: Frame, run: MapRun, item: Json, source: str, data: Json) -> Json:
        selector: Evaluator | None = self.state.item_selector
        if selector is None:
            return item
        outer = frame.map_item
        frame.map_item = {"Index": run.items_read, "Value": item, "Source": source}
        try:
            return selector.call(data, frame)
        finally:
            frame.map_item = outer

    def _go_on(self, frame: Frame, run: MapRun) -> Step | None:
        """Start what may run, read what is needed for it, or end the run."""
        effects, task_id = frame.execution.effects, frame.task_id
        if run.error is None:
            while run.pending_redrive and run.free > 0:
                effects.append(RedriveChild(task_id, run.child_redriven()))
            while run.waiting and run.free > 0:
                value, items = run.waiting.popleft()
                index = run.child_started(items)
                effects.append(StartChild(task_id, index, _unique(frame), value, items))
            if not run.all_read:
                if not run.reading and not run.waiting and run.free > 0:
                    run.reading = True
                    count = min(run.free * run.batch_items_max, _ITEMS_AT_ONCE)
                    effects.append(ReadItems(task_id, count))
                return None
            if run.waiting:
                return None
        if run.execution_counts["RUNNING"] or run.reading:
            return None
        if run.export is not None and run.status == "RUNNING":
            effects.append(WriteResults(task_id))
            return None
        return self._ended(frame, run, ResultsWritten(task_id, None))

    # The end

    def _ended(self, frame: Frame, run: MapRun, written: ResultsWritten) -> Step | None:
        execution = frame.execution
        del execution.frames_by_task[frame.task_id]
        run.stop_ms = execution.now_ms
        run.give_up_redrives()
        if run.error is None and written.error is not None:
            run.error, run.cause = "States.ResultWriterFailed", written.error
        if run.error is not None:
            run.status = "FAILED"
            record(frame, "MapRunFailed", run.error, run.cause)
            return fail(frame, run.error, run.cause)
        del execution.map_runs[frame.task_id]
        run.status = "SUCCEEDED"
        started_event = frame.started
        record(frame, "MapRunSucceeded")
        record_aside(frame, "MapStateSucceeded")
        if self.next is None and frame.entered_event != 2:
            # Recorded, of a state that ends its execution without having been its first.
            frame.previous = started_event
        if run.export is not None:
            return self._leave(frame, written.output, json_bytes(written.output))
        if not run.results_fit():
            previous = frame.previous
            error = "States.DataLimitExceeded"
            end(execution, "FAILED", previous, error, too_large(self.name))
            return None
        results = [run.results[index] for index in range(len(run.results))]
        if run.transformation == "FLATTEN":
            lists = (one if isinstance(one, list) else [one] for one in results)
            results = list(chain.from_iterable(lists))
        run.results = {}
        return self._leave(frame, results, run.results_bytes)

    def _leave(self, frame: Frame, result: Json, size: int) -> Step | None:
        try:
            assigned = self.finish(frame, result, size)
        except StateError as error:
            return evaluation_failed(frame, error)
        return leave(frame, self, assigned, self.next)

    def give_up(self, frame: Frame) -> None:
        record(frame, "MapStateFailed")

    def abort(self, frame: Frame) -> None:
        if frame.task_id in frame.execution.frames_by_task:
            record(frame, "MapRunAborted")
            stop_waiting(frame)
        super().abort(frame)


def _keeps_results(state: MapState, distributed: DistributedMap) -> bool:
    """Whether anything can see them: an export or a discarded result needs none here."""
    if distributed.writer is not None and distributed.writer.arguments is not None:
        return False
    if state.assign is not None or state.result_selector is not None:
        return True
    if state.query_language == "JSONata":
        return state.output is None or state.output.references != 0
    return state.result_path is None or not state.result_path.discard


def _number(evaluator: Evaluator | None, frame: Frame, data: Json) -> Any:
    return None if evaluator is None else evaluator.call(data, frame)


def _parameters(evaluator: Evaluator, frame: Frame, data: Json) -> dict[str, Json]:
    """Of an S3 action."""
    value = evaluator.call(data, frame)
    if isinstance(value, dict):
        return value
    raise StateError("States.Runtime", f"The parameters of S3 are no object: {json_text(value)}")


def _unique(frame: Frame) -> str:
    bits = f"{frame.rng.getrandbits(128):032x}"
    return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))


def _add_to_batch(run: MapRun, item: Json, size: int) -> None:
    if run.batch and run.batch_bytes + size > run.batch_bytes_max:
        _close_batch(run)
    if not run.batch:
        run.batch_bytes = json_bytes(_batch_value(run, []))
    run.batch_bytes += size + 1
    run.batch.append(item)
    if len(run.batch) >= run.batch_items_max:
        _close_batch(run)


def _close_batch(run: MapRun) -> None:
    if run.batch:
        run.waiting.append(ChildInput(_batch_value(run, run.batch), len(run.batch)))
        run.batch = []


def _batch_value(run: MapRun, items: list[Json]) -> Json:
    """https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html"""
    value: dict[str, Json] = {"Items": items}
    if run.batch_input is not None:
        value["BatchInput"] = run.batch_input
    return value
