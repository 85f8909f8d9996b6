"""Map Runs: reads the items of a distributed Map state, runs its child executions, writes their
results.

Children are forgotten when they have ended, except for the last ones, so that a run's memory does
not grow with its items. What is told to the parent waits on the agenda: a child that ends at once
does not end inside its parent's turn.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sfnlocal.arns import execution_arn, express_execution_arn, map_state_machine_arn
from sfnlocal.driver.describe import described
from sfnlocal.errors import ApiError
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.map_run import MapRun
from sfnlocal.jsontext import json_text
from sfnlocal.ports import (
    ChildEnded,
    Effect,
    Input,
    ItemReaderFailed,
    ItemsRead,
    Json,
    MapRunUpdated,
    ReadItems,
    ResultsWritten,
    StartChild,
    StartMapRun,
    StopChildren,
    StopExecution,
    WriteResults,
)
from sfnlocal.services.item_json import ReaderError
from sfnlocal.services.map_items import MapItems
from sfnlocal.services.map_results import MapResults, WriterError
from sfnlocal.timestamps import iso_time

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session

_CHILDREN_KEPT = 1_000


class MapRuns:
    """`runs` are all that are known, by ARN, those that have ended too."""

    def __init__(self, session: Session) -> None:
        self.runs: dict[str, MapRun] = {}
        self._session = session
        self._started_by: dict[str, list[str]] = {}
        self._running: dict[tuple[str, int], _Running] = {}
        self._ended_children: deque[str] = deque()

    def find(self, arn: str) -> MapRun:
        run = self.runs.get(arn)
        if run is None:
            raise ApiError("ResourceNotFound", f"Resource not found: '{arn}'")
        return run

    def of_execution(self, arn: str) -> list[MapRun]:
        """In the order in which they started."""
        return [self.runs[one] for one in self._started_by.get(arn, ())]

    def children(self, run: MapRun) -> Iterator[Execution]:
        """Those that are known, the latest first."""
        for execution in reversed(self._session.executions.values()):
            if execution.map_run_arn == run.arn:
                yield execution

    def carry_out(self, execution: Execution, effect: Effect) -> None:
        """One of the effects of a Map Run."""
        match effect:
            case StartMapRun():
                run = execution.map_runs[effect.task_id]
                self.runs[run.arn] = run
                self._started_by.setdefault(execution.arn, []).append(run.arn)
                running = _Running(self._session, execution, effect.task_id, run, self._let_go)
                self._running[execution.arn, effect.task_id] = running
            case ReadItems():
                self._running[execution.arn, effect.task_id].read(effect.count)
            case StartChild():
                self._running[execution.arn, effect.task_id].start_child(effect)
            case StopChildren():
                self._running[execution.arn, effect.task_id].stop_children()
            case WriteResults():
                self._running[execution.arn, effect.task_id].write()

    def stop(self, execution: Execution, task_id: int) -> None:
        """The task was ended from outside: if it is a Map Run, it is aborted."""
        running = self._running.get((execution.arn, task_id))
        if running is not None:
            running.run.status = "ABORTED"
            running.run.stop_ms = self._session.now_ms
            running.stop_children()
            self._let_go(running)

    def update(
        self, run: MapRun, concurrency: int | None, count: int | None, percentage: float | None
    ) -> None:
        """Change what is not None."""
        if concurrency is not None:
            run.max_concurrency = concurrency
        if count is not None:
            run.tolerated_count = count
        if percentage is not None:
            run.tolerated_percentage = percentage
        for running in list(self._running.values()):
            if running.run is run:
                running.tell(MapRunUpdated(running.task_id))

    def _let_go(self, running: _Running) -> None:
        if running.run.status != "RUNNING" and not running.children:
            running.close()
            self._running.pop((running.execution.arn, running.task_id), None)

    def child_ended(self, child: Execution) -> None:
        """Keep the last ones only."""
        kept = self._session.keep_ended
        self._ended_children.append(child.arn)
        while len(self._ended_children) > min(
            _CHILDREN_KEPT if kept is None else kept, _CHILDREN_KEPT
        ):
            self._session.forget(self._ended_children.popleft())

    def forget(self, execution_arn: str) -> None:
        for arn in self._started_by.pop(execution_arn, ()):
            del self.runs[arn]


class _Running:
    """One Map Run while it runs. `children` are those that run, by index."""

    def __init__(
        self,
        session: Session,
        execution: Execution,
        task_id: int,
        run: MapRun,
        let_go: Callable[[_Running], None],
    ) -> None:
        self.execution = execution
        self.task_id = task_id
        self.run = run
        self.children: dict[int, Execution] = {}
        self._session = session
        self._let_go = let_go
        self._items = MapItems(run, session.s3)
        self._results = MapResults(run, session.s3) if run.export is not None else None
        self._write_error: str | None = None

    def tell(self, fact: Input) -> None:
        self._later(lambda: self._session.feed(self.execution, fact))

    def _later(self, act: Callable[[], None]) -> None:
        def carry_out() -> None:
            act()
            self._let_go(self)

        session, execution = self._session, self.execution
        session.at(session.now_ms, carry_out, lambda: self.task_id in execution.frames_by_task)

    def read(self, count: int) -> None:
        def read() -> None:
            fact: Input
            try:
                items = self._items.next(count)
                fact = ItemsRead(self.task_id, items, self._items.all_read, self._items.source)
            except ReaderError as error:
                fact = ItemReaderFailed(self.task_id, str(error))
            self._session.feed(self.execution, fact)

        self._later(read)

    def start_child(self, order: StartChild) -> None:
        session, parent, run = self._session, self.execution, self.run
        machine_arn = map_state_machine_arn(parent.state_machine_arn, run.label)
        if run.express:
            arn = express_execution_arn(machine_arn, order.name, order.name)
        else:
            arn = execution_arn(machine_arn, order.name)
        child = Execution(
            arn=arn,
            name=order.name,
            machine=run.machine,
            state_machine_arn=machine_arn,
            state_machine_name=machine_arn.rpartition(":")[2],
            role_arn=parent.role_arn,
            region=parent.region,
            input_text=json_text(order.input),
            input=order.input,
            start_ms=session.now_ms,
            rng=random.Random(f"{session.seed}/{arn}"),
            mistakes=parent.mistakes,
            version_arn=parent.version_arn,
            alias_arn=parent.alias_arn,
            map_run_arn=run.arn,
            item_count=order.items,
        )
        self.children[order.index] = child
        session.on_ended(child, lambda child: self._child_ended(order, child))
        session.begin(child, session.started_from[parent.arn], like=parent.arn)

    def _child_ended(self, order: StartChild, child: Execution) -> None:
        del self.children[order.index]
        if self.run.status != "RUNNING":
            # Its parent does not wait any more.
            self.run.child_ended(order.index, child.status, order.items, None)
            self._let_go(self)
            return
        result = self._result(child)
        if self._results is not None:
            try:
                self._results.add(child.status, result)
            except WriterError as error:
                self._write_error = str(error)
        kept = result if self.run.keeps_results else None
        self.tell(ChildEnded(self.task_id, order.index, child.status, order.items, kept))

    def _result(self, child: Execution) -> Json:
        """What the results have of a child: its output or, where it failed, its description."""
        if self.run.transformation != "NONE" and child.status == "SUCCEEDED":
            return child.output
        description = described(child)
        for name in ("StartDate", "StopDate"):
            description[name] = iso_time(description[name])
        return description

    def stop_children(self) -> None:
        for child in list(self.children.values()):
            self._session.feed(child, StopExecution())

    def close(self) -> None:
        if self._results is not None:
            self._results.close()

    def write(self) -> None:
        assert self._results is not None
        output: Json = None
        if self._write_error is None:
            try:
                output = self._results.finish()
            except WriterError as error:
                self._write_error = str(error)
        self.tell(ResultsWritten(self.task_id, output, self._write_error))
