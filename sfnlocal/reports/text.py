"""An execution as text: the path with attempts and virtual times, then its output or error.

Times are counted from the execution's start. The executions that it started stand under the
states that started them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sfnlocal.interpreter import Execution
from sfnlocal.reports.path import path_taken, started_executions
from sfnlocal.reports.transitions import state_transitions
from sfnlocal.reports.visits import Attempt, Branch, Visit
from sfnlocal.reports.waiting import unanswered
from sfnlocal.reports.wording import cause_block, duration, failure, json_block, painted
from sfnlocal.timestamps import iso_time

# Of a Map state with more iterations, those after these are shown only where one did not succeed.
_ITERATIONS_SHOWN = 10


class _Row(NamedTuple):
    after: str
    state: str
    type: str = ""
    outcome: str = ""
    details: str = ""


def render_execution(
    execution: Execution,
    *,
    executions: Mapping[str, Execution] | None = None,
    colour: bool = False,
) -> str:
    """The whole report. `executions` by ARN are where started executions are looked up
    (`session.executions`); without them only their ARNs are known."""
    return "\n".join(
        [
            *_head(execution, executions or {}, colour),
            "",
            render_path(execution, executions=executions, colour=colour),
            "",
            *_end(execution, executions or {}, colour),
        ]
    )


def render_path(
    execution: Execution,
    *,
    executions: Mapping[str, Execution] | None = None,
    colour: bool = False,
) -> str:
    """Only the path, as aligned lines."""
    rows = [_Row("after", "state", "type", "outcome")]
    rows += _Rows(execution, executions or {}).rows(path_taken(execution), "")
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        after = row.after.rjust(widths[0])
        outcome = painted(row.outcome.ljust(widths[3]), row.outcome, colour)
        state, kind = row.state.ljust(widths[1]), row.type.ljust(widths[2])
        lines.append(f"  {after}  {state}  {kind}  {outcome}  {row.details}".rstrip())
    return "\n".join(lines)


def _head(execution: Execution, executions: Mapping[str, Execution], colour: bool) -> Iterator[str]:
    status = painted(execution.status, execution.status, colour)
    yield f"{execution.state_machine_name}  {status}"
    yield f"  {execution.arn}"
    if execution.version_arn:
        alias = execution.alias_arn.rpartition(":")[2]
        through = f", which the alias {alias} led to" if alias else ""
        yield f"  version {execution.version_arn.rpartition(':')[2]}{through}"
    ended_ms = execution.stop_ms
    took = f", took {duration(ended_ms - execution.start_ms)}" if ended_ms is not None else ""
    own = state_transitions(execution)
    counted = f"{own} state transition{'s' if own != 1 else ''}"
    children = started_executions(execution, executions)
    if children:
        more = sum(map(state_transitions, children.values()))
        noun = "execution" if len(children) == 1 else f"{len(children)} executions"
        counted += f", and {more} in the {noun} that it started"
    yield f"  started {iso_time(execution.start_ms)}{took}; {counted}"


def _end(execution: Execution, executions: Mapping[str, Execution], colour: bool) -> Iterator[str]:
    if execution.status == "SUCCEEDED":
        yield from _labelled("output", json_block(execution.output))
    elif execution.status == "RUNNING":
        yield from _waits(execution)
        for child in started_executions(execution, executions).values():
            yield from _waits(child)
    else:
        error = execution.error or "none given"
        yield f"  error   {painted(error, execution.status, colour)}"
        if execution.cause:
            yield from _labelled("cause", cause_block(execution.cause))


def _waits(execution: Execution) -> Iterator[str]:
    for task in unanswered(execution):
        where = f"{task.state_machine}/{task.execution_name}"
        yield f"  waits   in state '{task.state}' of {where} for {task.resource}"
        yield f"          token {task.token}"


def _labelled(label: str, text: str) -> Iterator[str]:
    first, *more = text.split("\n")
    yield f"  {label:<6}  {first}"
    yield from (f"          {line}" for line in more)


class _Rows:
    def __init__(self, execution: Execution, executions: Mapping[str, Execution]) -> None:
        self._start_ms = execution.start_ms
        self._executions = executions
        self._shown = {execution.arn}

    def rows(self, visits: list[Visit], indent: str) -> Iterator[_Row]:
        for visit in visits:
            after = duration(visit.entered_ms - self._start_ms)
            yield _Row(after, indent + visit.state, visit.type, visit.outcome, _details(visit))
            tries = len(visit.attempts)
            for number, attempt in enumerate(visit.attempts, 1):
                if tries > 1:
                    yield self._attempt(visit, number, indent)
                yield from self._inside(visit, attempt, f"{indent}  ")

    def _attempt(self, visit: Visit, number: int, indent: str) -> _Row:
        attempt = visit.attempts[number - 1]
        after = duration(attempt.started_ms - self._start_ms)
        outcome, details = str(visit.outcome), ""
        if attempt.failed:
            outcome, details = "failed", failure(attempt.error, attempt.cause)
            ended_ms = attempt.ended_ms
            if number < len(visit.attempts) and ended_ms is not None:
                pause_ms = visit.attempts[number].started_ms - ended_ms
                outcome, details = "retried", f"{details}; again after {duration(pause_ms)}"
        return _Row(after, f"{indent}  attempt {number}", "", outcome, details)

    def _inside(self, visit: Visit, attempt: Attempt, indent: str) -> Iterator[_Row]:
        noun = "iteration" if visit.type == "Map" else "branch"
        shown = [
            branch
            for branch in attempt.branches
            if branch.index < _ITERATIONS_SHOWN or not _succeeded(branch)
        ]
        for branch in shown:
            yield _Row("", f"{indent}{noun} {branch.index}")
            yield from self.rows(branch.visits, f"{indent}  ")
        left_out = len(attempt.branches) - len(shown)
        if left_out:
            plural = "es" if noun == "branch" else "s"
            yield _Row("", f"{indent}{left_out} more {noun}{plural}", "", "succeeded")
        if attempt.execution_arn is not None:
            yield from self._child(attempt.execution_arn, indent)

    def _child(self, arn: str, indent: str) -> Iterator[_Row]:
        child = self._executions.get(arn)
        if child is None or arn in self._shown:
            yield _Row("", f"{indent}started", "", "", arn)
            return
        self._shown.add(arn)
        details = failure(child.error, child.cause) if child.error is not None else child.name
        after = duration(child.start_ms - self._start_ms)
        yield _Row(after, f"{indent}{child.state_machine_name}", "", child.status.lower(), details)
        yield from self.rows(path_taken(child), f"{indent}  ")


def _succeeded(branch: Branch) -> bool:
    return all(visit.outcome == "succeeded" for visit in branch.visits)


def _details(visit: Visit) -> str:
    details = [visit.resource] if visit.resource else []
    if visit.left_ms is not None and visit.left_ms > visit.entered_ms:
        details.append(f"took {duration(visit.left_ms - visit.entered_ms)}")
    attempt = visit.last_attempt
    if attempt is not None and attempt.failed and len(visit.attempts) == 1:
        details.append(failure(attempt.error, attempt.cause))
    return ", ".join(details)
