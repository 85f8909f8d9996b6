"""One Map Run at work: its items are read, its child executions run, their results written.

What is told to the parent waits on the agenda: a child that ends at once does not end inside its
parent's turn. Children that did not succeed are kept: a redrive runs them again.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfnlocal.arns import execution_arn, express_execution_arn, map_state_machine_arn
from sfnlocal.driver.describe import described
from sfnlocal.driver.redrive import is_express, redrive_status
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.map_run import MapRun
from sfnlocal.jsontext import json_text
from sfnlocal.ports import (
    Caller,
    ChildEnded,
    Input,
    ItemReaderFailed,
    ItemsRead,
    Json,
    ResultsWritten,
    StartChild,
    StopExecution,
)
from sfnlocal.services.item_json import ReaderError
from sfnlocal.services.map_items import MapItems
from sfnlocal.services.map_results import MapResults, WriterError
from sfnlocal.timestamps import iso_time

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session

_ITEMS_AT_ONCE = 1_000


@dataclass(slots=True)
class _Child:
    """A child execution that did not succeed, and how it was ordered. `status` is how it ended,
    while it waits to be redriven."""

    order: StartChild
    execution: Execution
    status: str


class RunningMapRun:
    """One Map Run while it runs, and after that where it may be redriven. `children` are those
    that run, by index."""

    def __init__(
        self,
        session: Session,
        execution: Execution,
        task_id: int,
        run: MapRun,
        let_go: Callable[[RunningMapRun], None],
    ) -> None:
        self.execution = execution
        self.task_id = task_id
        self.run = run
        self.children: dict[int, Execution] = {}
        self.unsuccessful: dict[int, _Child] = {}
        self._untold: dict[int, ChildEnded] = {}
        self._skip = 0
        self._machine_arn = map_state_machine_arn(execution.state_machine_arn, run.label)
        self._session = session
        self._let_go = let_go
        self._items = MapItems(run, session.s3)
        self._results = MapResults(run, session.s3) if run.export is not None else None
        self._write_error: str | None = None

    def _acting(self) -> AbstractContextManager[None]:
        """What is read and written meanwhile, the state machine's role must be allowed to."""
        parent = self.execution
        caller = Caller("states.amazonaws.com", parent.state_machine_arn, parent.role_arn)
        return self._session.aws.acting(caller)

    def tell(self, fact: Input) -> None:
        self._later(lambda: self._session.feed(self.execution, fact))

    def _later(self, act: Callable[[], None]) -> None:
        def carry_out() -> None:
            act()
            self._let_go(self)

        session, execution, task_id = self._session, self.execution, self.task_id
        session.at(session.now_ms, carry_out, lambda: task_id in execution.frames_by_task)

    def read(self, count: int) -> None:
        def read() -> None:
            fact: Input
            try:
                with self._acting():
                    while passed := self._items.next(min(self._skip, _ITEMS_AT_ONCE)):
                        self._skip -= len(passed)
                    items = self._items.next(count)
                fact = ItemsRead(self.task_id, items, self._items.all_read, self._items.source)
            except ReaderError as error:
                fact = ItemReaderFailed(self.task_id, str(error))
            self._session.feed(self.execution, fact)

        self._later(read)

    def start_child(self, order: StartChild) -> None:
        if self.run.express:
            arn = express_execution_arn(self._machine_arn, order.name, order.name)
        else:
            arn = execution_arn(self._machine_arn, order.name)
        self._begin(order, arn, f"{self._session.seed}/{arn}")

    def _begin(self, order: StartChild, arn: str, seed: str) -> None:
        session, parent, run = self._session, self.execution, self.run
        machine_arn = self._machine_arn
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
            rng=random.Random(seed),
            mistakes=parent.mistakes,
            version_arn=parent.version_arn,
            alias_arn=parent.alias_arn,
            map_run_arn=run.arn,
            item_count=order.items,
        )
        self.children[order.index] = child
        session.on_ended(child, lambda child: self._child_ended(order, child))
        session.begin(child, session.started_from[parent.arn], like=parent.arn)

    def redrive(self, task_id: int) -> None:
        """Go on as the task `task_id`; unsuccessful children wait to be redriven."""
        self.task_id = task_id
        self._items = MapItems(self.run, self._session.s3)
        self._skip = self.run.items_read
        self._write_error = None
        if self._results is not None:
            self._results.forget_unsuccessful()
        for child in self.unsuccessful.values():
            if not is_express(child.execution) and self._is_redrivable(child.execution):
                child.execution.status = "PENDING_REDRIVE"

    def redrive_child(self, index: int) -> None:
        child = self.unsuccessful.pop(index)
        order, execution = child.order, child.execution
        execution.status = child.status
        if not self._is_redrivable(execution):
            self.children[index] = execution
            self._child_ended(order, execution)
        elif is_express(execution):
            seed = f"{self._session.seed}/{execution.arn}/{self.run.redrive_count}"
            self._begin(order, execution.arn, seed)
        else:
            self.children[index] = execution
            self._session.go_on(execution, lambda child: self._child_ended(order, child))

    def _is_redrivable(self, child: Execution) -> bool:
        return redrive_status(child, self._session.now_ms).status == "REDRIVABLE_BY_MAP_RUN"

    def wait_no_more(self) -> None:
        """It has ended before they were redriven."""
        for child in self.unsuccessful.values():
            child.execution.status = child.status

    def not_redrivable(self) -> list[Execution]:
        """Those that did not succeed and cannot run again."""
        ended = (child.execution for child in self.unsuccessful.values())
        return [
            child
            for child in ended
            if child.status != "PENDING_REDRIVE" and not self._is_redrivable(child)
        ]

    def abort(self) -> None:
        """Nobody hears any more how its children end."""
        run = self.run
        run.status = "ABORTED"
        run.stop_ms = self._session.now_ms
        run.give_up_redrives()
        for fact in self._untold.values():
            run.child_ended(fact.index, fact.status, fact.items, fact.result)
        self._untold.clear()
        self.stop_children()

    def _child_ended(self, order: StartChild, child: Execution) -> None:
        del self.children[order.index]
        if child.status != "SUCCEEDED":
            self.unsuccessful[order.index] = _Child(order, child, child.status)
        if self.run.status != "RUNNING":
            # Its parent does not wait any more.
            self.run.child_ended(order.index, child.status, order.items, None)
            self._let_go(self)
            return
        result = self._result(child)
        if self._results is not None:
            try:
                with self._acting():
                    self._results.add(child.status, result)
            except WriterError as error:
                self._write_error = str(error)
        kept = result if self.run.keeps_results else None
        fact = ChildEnded(self.task_id, order.index, child.status, order.items, kept)
        self._untold[order.index] = fact

        def tell() -> None:
            del self._untold[order.index]
            self._session.feed(self.execution, fact)

        self._later(tell)

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
                with self._acting():
                    output = self._results.finish()
            except WriterError as error:
                self._write_error = str(error)
        self.tell(ResultsWritten(self.task_id, output, self._write_error))
