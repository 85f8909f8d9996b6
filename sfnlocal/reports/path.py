"""The path an execution took, read from its history alone.

Strategy: each event names the event that it follows, so the frames that ran side by side come
apart again. An event belongs to the visit that owns the event it follows, or to one around it:
the events that end a Map or Parallel state follow the last event of one of its children.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sfnlocal.history import Event
from sfnlocal.interpreter import Execution
from sfnlocal.reports.visits import Attempt, Branch, Visit, all_visits

_FORKS = ("Map", "Parallel")
_WORKERS = ("Task", *_FORKS)


def path_taken(execution: Execution) -> list[Visit]:
    """The states that the execution entered, in order; those of branches and iterations stand in
    the attempts of their Parallel or Map state."""
    return _Reader(execution).read()


def started_executions(
    execution: Execution, executions: Mapping[str, Execution]
) -> dict[str, Execution]:
    """The executions by ARN that it started, and those that they started, as far as they are in
    `executions`."""
    found: dict[str, Execution] = {}
    pending = [execution]
    while pending:
        for visit in all_visits(path_taken(pending.pop())):
            for attempt in visit.attempts:
                arn = attempt.execution_arn
                child = executions.get(arn) if arn is not None else None
                if child is not None and child.arn not in found and child is not execution:
                    found[child.arn] = child
                    pending.append(child)
    return found


class _Node:
    """A visit while the history is read. `over`: it takes no part in new attempts any more."""

    __slots__ = ("aborted", "branch", "over", "parent", "visit", "worked")

    def __init__(self, visit: Visit, parent: _Node | None, branch: Branch) -> None:
        self.visit = visit
        self.parent = parent
        self.branch = branch
        self.worked = False
        self.over = False
        self.aborted = False

    @property
    def final(self) -> bool:
        """Whether its last attempt is its last: a state that works may be in a back-off."""
        return self.over or self.visit.type not in _WORKERS


def _around(node: _Node | None, wanted: Callable[[_Node], bool]) -> _Node:
    """The node, or the first one around it, that is wanted."""
    while node is not None and not wanted(node):
        node = node.parent
    assert node is not None, "an event that belongs to no state"
    return node


class _Reader:
    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._history = execution.history
        self._root = Branch(0)
        self._nodes: list[_Node] = []
        # By event id; the execution's own events have none.
        self._owners: list[_Node | None] = [None]
        self._iterations: dict[int, tuple[_Node, Branch]] = {}

    def read(self) -> list[Visit]:
        for event in self._history:
            self._owners.append(self._owner(event))
        for node in reversed(self._nodes):
            self._settle(node)
        return self._root.visits

    def _owner(self, event: Event) -> _Node | None:
        event_type: str = event[0]
        if event_type == "ExecutionRedriven":
            self._reopen()
        if event_type.startswith("Execution"):
            return None
        if event_type.endswith("StateEntered"):
            return self._entered(event)
        if event_type.endswith("StateExited"):
            return self._exited(event)
        return _READERS[event_type](self, event)

    def _reopen(self) -> None:
        """What was not left goes on, or is entered again."""
        for node in self._nodes:
            visit = node.visit
            if visit.outcome != "waiting" or (node.parent is not None and node.parent.over):
                continue
            node.over = node.aborted = False
            visit.left_ms = None
            attempt = visit.last_attempt
            if visit.type in _FORKS and attempt is not None:
                attempt.ended_ms, attempt.failed, attempt.error, attempt.cause = (
                    None,
                    False,
                    None,
                    None,
                )

    def _entered(self, event: Event) -> _Node:
        event_type, previous, at_ms, name, _ = event
        parent, branch = self._place(previous)
        visit = Visit(name, event_type.removesuffix("StateEntered"), at_ms)
        visit.entered_event = len(self._owners)
        if visit.type not in _WORKERS:
            visit.attempts.append(self._attempt(at_ms))
        branch.visits.append(visit)
        node = _Node(visit, parent, branch)
        self._nodes.append(node)
        return node

    def _place(self, previous: int) -> tuple[_Node | None, Branch]:
        """Where a state stands that is entered after the event `previous`."""
        if previous in self._iterations:
            return self._iterations[previous]
        node = self._owners[previous]
        if node is None:
            return None, self._root
        if self._history[previous - 1][0] == "ParallelStateStarted":
            branches = node.visit.attempts[-1].branches
            branch = Branch(len(branches))
            branches.append(branch)
            return node, branch
        return node.parent, node.branch

    def _exited(self, event: Event) -> _Node:
        _, previous, at_ms, name, *_ = event
        node = self._named(previous, name)
        visit, attempt = node.visit, node.visit.last_attempt
        caught = not node.worked if visit.type in _WORKERS else False
        visit.outcome = "caught" if caught or (attempt and attempt.failed) else "succeeded"
        visit.left_ms = at_ms
        visit.left_event = len(self._owners)
        if attempt is not None and attempt.ended_ms is None:
            attempt.ended_ms = at_ms
        node.over = True
        return node

    def _attempt(self, at_ms: int) -> Attempt:
        """One that begins with the event that is read now."""
        return Attempt(at_ms, event=len(self._owners))

    def _named(self, previous: int, name: str) -> _Node:
        return _around(self._owners[previous], lambda node: node.visit.state == name)

    def _open_fork(self, event: Event) -> _Node:
        kind = "Map" if event[0].startswith("Map") else "Parallel"
        owner = self._owners[event[1]]
        return _around(owner, lambda node: node.visit.type == kind and not node.over)

    # One function a kind of event; each gives the event's node.

    def _scheduled(self, event: Event) -> _Node:
        event_type, previous, at_ms, *fields = event
        node = _around(self._owners[previous], lambda node: node.visit.type == "Task")
        visit = node.visit
        if event_type == "TaskScheduled":
            visit.resource = f"{fields[0]}:{fields[1]}"
        else:
            visit.resource = fields[0]
        visit.attempts.append(self._attempt(at_ms))
        node.worked = False
        return node

    def _submitted(self, event: Event) -> _Node | None:
        node = self._owners[event[1]]
        assert node is not None
        if event[3] == "states" and isinstance(event[5], dict) and "ExecutionArn" in event[5]:
            node.visit.attempts[-1].execution_arn = event[5]["ExecutionArn"]
        return node

    def _task_succeeded(self, event: Event) -> _Node | None:
        node = self._submitted(event) if event[0] == "TaskSucceeded" else self._owners[event[1]]
        assert node is not None
        node.worked = True
        node.visit.attempts[-1].ended_ms = event[2]
        return node

    def _task_failed(self, event: Event) -> _Node | None:
        node = self._owners[event[1]]
        assert node is not None
        _close(node.visit, event[2], *event[-2:])
        return node

    def _evaluation_failed(self, event: Event) -> _Node:
        _, previous, at_ms, error, cause, _, name = event
        node = self._owners[previous]
        if node is None or node.visit.state != name:
            # AWS lets it follow the event before the state was entered.
            node = next(node for node in reversed(self._nodes) if node.visit.state == name)
        last = node.visit.last_attempt
        if last is None or last.failed:
            node.visit.attempts.append(self._attempt(at_ms))
        _close(node.visit, at_ms, error, cause)
        return node

    def _fork_started(self, event: Event) -> _Node:
        node = self._open_fork(event)
        self._close_fork(node, event[2])
        node.visit.attempts.append(self._attempt(event[2]))
        node.worked = False
        return node

    def _fork_succeeded(self, event: Event) -> _Node:
        node = self._open_fork(event)
        node.worked = True
        return node

    def _fork_failed(self, event: Event) -> _Node:
        node = self._open_fork(event)
        self._close_fork(node, event[2])
        node.over = True
        return node

    def _close_fork(self, node: _Node, at_ms: int) -> None:
        """The fork's last attempt failed with what one of its children failed with."""
        attempt = node.visit.last_attempt
        if attempt is None or attempt.failed:
            return
        inside = {id(branch) for branch in attempt.branches}
        for child in reversed(self._nodes):
            if id(child.branch) in inside and not child.aborted and child.visit.left_ms is None:
                failure = child.visit.last_attempt
                if failure is not None and (failure.failed or child.visit.type == "Fail"):
                    ended_ms = failure.ended_ms or child.visit.entered_ms
                    _close(node.visit, ended_ms, failure.error, failure.cause)
                    return
        _close(node.visit, at_ms, None, None)

    def _iteration_started(self, event: Event) -> _Node:
        _, previous, _, name, index = event
        node = self._named(previous, name)
        branch = Branch(index)
        node.visit.attempts[-1].branches.append(branch)
        self._iterations[len(self._owners)] = (node, branch)
        return node

    def _iteration_ended(self, event: Event) -> _Node:
        return self._named(event[1], event[3])

    def _aborted(self, event: Event) -> _Node:
        event_type, previous, at_ms = event
        kind = event_type.removesuffix("StateAborted")
        owner = self._owners[previous]
        node = _around(owner, lambda node: node.visit.type == kind and not node.over)
        last = node.visit.last_attempt
        # A Task state that fails its branch is reported as aborted too, right after its failure.
        own_failure = last is not None and last.failed and previous == len(self._owners) - 1
        node.aborted = not own_failure
        node.over = True
        node.visit.left_ms = at_ms if node.aborted else None
        return node

    def _same(self, event: Event) -> _Node | None:
        return self._owners[event[1]]

    # At the end

    def _settle(self, node: _Node) -> None:
        """Give a visit that was never left its outcome."""
        visit, execution = node.visit, self._execution
        if visit.outcome != "waiting":
            return
        attempt = visit.last_attempt
        if node.aborted:
            visit.outcome = "aborted"
        elif self._fatal(node):
            visit.outcome = "failed"
            if attempt is None:
                attempt = Attempt(visit.entered_ms)
                visit.attempts.append(attempt)
            if attempt.error is None:
                _close(
                    visit, attempt.ended_ms or execution.now_ms, execution.error, execution.cause
                )
        elif visit.type == "Fail" or (attempt is not None and attempt.failed and node.final):
            visit.outcome = "failed"
        elif execution.status != "RUNNING":
            visit.outcome = "aborted"
        if visit.outcome == "aborted":
            visit.left_ms = visit.left_ms or execution.stop_ms
        elif visit.outcome == "failed":
            last_ms = attempt.ended_ms if attempt is not None else None
            visit.left_ms = visit.left_ms or last_ms or execution.stop_ms

    def _fatal(self, node: _Node) -> bool:
        """Whether the execution failed in this state, or in one inside it."""
        last = self._history[-1]
        if last[0] != "ExecutionFailed":
            return False
        at = self._owners[last[1]]
        while at is not None and at is not node:
            at = at.parent
        return at is node


def _close(visit: Visit, at_ms: int, error: str | None, cause: str | None) -> None:
    attempt = visit.attempts[-1]
    attempt.ended_ms, attempt.failed = at_ms, True
    attempt.error, attempt.cause = error, cause


_READERS: dict[str, Callable[[_Reader, Any], _Node | None]] = {
    "TaskScheduled": _Reader._scheduled,
    "LambdaFunctionScheduled": _Reader._scheduled,
    "ActivityScheduled": _Reader._scheduled,
    "TaskStarted": _Reader._same,
    "LambdaFunctionStarted": _Reader._same,
    "ActivityStarted": _Reader._same,
    "TaskSubmitted": _Reader._submitted,
    "TaskSucceeded": _Reader._task_succeeded,
    "LambdaFunctionSucceeded": _Reader._task_succeeded,
    "ActivitySucceeded": _Reader._task_succeeded,
    "TaskFailed": _Reader._task_failed,
    "TaskTimedOut": _Reader._task_failed,
    "LambdaFunctionFailed": _Reader._task_failed,
    "LambdaFunctionTimedOut": _Reader._task_failed,
    "ActivityFailed": _Reader._task_failed,
    "ActivityTimedOut": _Reader._task_failed,
    "EvaluationFailed": _Reader._evaluation_failed,
    "MapStateStarted": _Reader._fork_started,
    "ParallelStateStarted": _Reader._fork_started,
    "MapStateSucceeded": _Reader._fork_succeeded,
    "ParallelStateSucceeded": _Reader._fork_succeeded,
    "MapStateFailed": _Reader._fork_failed,
    "ParallelStateFailed": _Reader._fork_failed,
    "MapRunStarted": _Reader._same,
    "MapRunRedriven": _Reader._same,
    "MapRunSucceeded": _Reader._same,
    "MapRunFailed": _Reader._task_failed,
    "MapRunAborted": _Reader._same,
    "MapIterationStarted": _Reader._iteration_started,
    "MapIterationSucceeded": _Reader._iteration_ended,
    "MapIterationFailed": _Reader._iteration_ended,
    "MapIterationAborted": _Reader._iteration_ended,
    "TaskStateAborted": _Reader._aborted,
    "WaitStateAborted": _Reader._aborted,
    "MapStateAborted": _Reader._aborted,
    "ParallelStateAborted": _Reader._aborted,
}
