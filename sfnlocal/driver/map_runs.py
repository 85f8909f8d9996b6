"""Map Runs: those that run, those that may be redriven, and what is known of those that have ended.

Children are forgotten when they have ended, except for the last ones and for those that a redrive
may run again, so that a run's memory does not grow with its items.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.map_run import MapRun
from sfnlocal.ports import (
    Effect,
    MapRunUpdated,
    ReadItems,
    RedriveChild,
    RedriveMapRun,
    StartChild,
    StartMapRun,
    StopChildren,
    WriteResults,
)

if TYPE_CHECKING:
    from sfnlocal.driver.running_map_run import RunningMapRun
    from sfnlocal.driver.session import Session

_CHILDREN_KEPT = 1_000


class MapRuns:
    """`runs` are all that are known, by ARN, those that have ended too."""

    def __init__(self, session: Session) -> None:
        self.runs: dict[str, MapRun] = {}
        self._session = session
        self._started_by: dict[str, list[str]] = {}
        self._running: dict[tuple[str, int], RunningMapRun] = {}
        # Those that have failed or were aborted, by the Map Run's ARN: they may be redriven.
        self._unsuccessful: dict[str, RunningMapRun] = {}
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
                # Loaded here: few machines have one, and its readers import an AWS SDK.
                from sfnlocal.driver.running_map_run import RunningMapRun

                running = RunningMapRun(self._session, execution, effect.task_id, run, self._let_go)
                self._running[execution.arn, effect.task_id] = running
            case RedriveMapRun():
                run = execution.map_runs[effect.task_id]
                running = self._unsuccessful.pop(run.arn)
                self._running[execution.arn, effect.task_id] = running
                running.redrive(effect.task_id)
            case RedriveChild():
                self._running[execution.arn, effect.task_id].redrive_child(effect.index)
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
            running.abort()
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

    def _let_go(self, running: RunningMapRun) -> None:
        if running.run.status == "RUNNING" or running.children:
            return
        if self._running.pop((running.execution.arn, running.task_id), None) is None:
            return
        running.wait_no_more()
        if running.run.status == "SUCCEEDED" or running.run.arn not in self.runs:
            self._give_up(running)
        else:
            self._unsuccessful[running.run.arn] = running

    def _give_up(self, running: RunningMapRun) -> None:
        """It will not be redriven."""
        running.close()
        for child in running.unsuccessful.values():
            self._forget_by_and_by(child.execution)
        running.unsuccessful.clear()

    def execution_ended(self, execution: Execution) -> None:
        """What it did not mind that failed will not be redriven."""
        if execution.status == "SUCCEEDED":
            for arn in self._started_by.get(execution.arn, ()):
                if arn in self._unsuccessful:
                    self._give_up(self._unsuccessful.pop(arn))

    def child_ended(self, child: Execution) -> None:
        if child.status == "SUCCEEDED":
            self._forget_by_and_by(child)

    def _forget_by_and_by(self, child: Execution) -> None:
        """Keep the last ones only."""
        kept = self._session.keep_ended
        self._ended_children.append(child.arn)
        while len(self._ended_children) > min(
            _CHILDREN_KEPT if kept is None else kept, _CHILDREN_KEPT
        ):
            self._session.forget(self._ended_children.popleft())

    def not_redrivable(self, run: MapRun) -> list[Execution]:
        """Its children that did not succeed and cannot run again."""
        known = (*self._running.values(), *self._unsuccessful.values())
        return [child for one in known if one.run is run for child in one.not_redrivable()]

    def close(self) -> None:
        for running in (*self._running.values(), *self._unsuccessful.values()):
            running.close()

    def forget(self, execution_arn: str) -> None:
        for arn in self._started_by.pop(execution_arn, ()):
            del self.runs[arn]
            if arn in self._unsuccessful:
                self._give_up(self._unsuccessful.pop(arn))
