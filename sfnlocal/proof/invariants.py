"""What holds after each run, whatever has failed.

Each check gives a sentence for what is wrong. They look at the session: executions, the letters in
the dead-letter queue, and what is left compared with the fault-free run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.language.program import TaskState
from sfnlocal.limits import STANDARD_DURATION_MS_MAX
from sfnlocal.ports import Json
from sfnlocal.reports.wording import cut

_SHOWN_CHARS = 300
# They end an execution where it stands, so that only another net can tell of it.
_FROM_OUTSIDE = frozenset({"ABORTED", "TIMED_OUT"})

Letter = dict[str, Any]


def not_ended(executions: list[Execution]) -> Iterator[str]:
    """Nothing runs for ever."""
    for execution in executions:
        if execution.status == "RUNNING":
            limit = execution.machine.timeout_seconds
            yield (
                f"{_name(execution)} has not ended, and nothing is due that would end it"
                + ("" if limit else "; its state machine has no TimeoutSeconds")
            )
            continue
        assert execution.stop_ms is not None
        took_ms = execution.stop_ms - (execution.redrive_ms or execution.start_ms)
        if took_ms > STANDARD_DURATION_MS_MAX:
            yield (
                f"{_name(execution)} is not ended by any TimeoutSeconds, but by Step Functions "
                "after a year"
            )


def waited_without_end(execution: Execution, state: TaskState) -> Iterator[str]:
    """A wait for a silent partner ends by a time-out of its own, not with its whole execution."""
    waits = state.resource.pattern == "WAIT_FOR_TASK_TOKEN" or state.resource.service == "activity"
    endless = state.timeout_seconds is None and state.heartbeat_seconds is None
    if waits and endless and execution.status in _FROM_OUTSIDE:
        yield (
            f"{_name(execution)} waited in {state.name} until it was {execution.status} itself: "
            "the state has no TimeoutSeconds"
        )


def wrong_letters(
    session: Session,
    executions: list[Execution],
    letters: list[Letter],
    *,
    where_known: bool,
    may_repeat: bool,
) -> Iterator[str]:
    """One letter for each run that did not succeed, none for one that did. `where_known`: a run
    that failed by itself tells the state, too. `may_repeat`: copies of a letter count once."""
    by_arn: dict[str, list[Letter]] = {}
    for letter in letters:
        same_run = by_arn.setdefault(str(letter.get("executionArn")), [])
        if not (may_repeat and letter in same_run):
            same_run.append(letter)
    for execution in executions:
        found = by_arn.pop(execution.arn, [])
        wanted = 0 if execution.status == "SUCCEEDED" else 1
        if len(found) != wanted:
            yield (
                f"{_name(execution)} is {execution.status} and left {len(found)} dead letters, "
                f"not {wanted}"
            )
        for letter in found[:wanted]:
            yield from _mistakes(session, execution, letter, where_known=where_known)
    for arn in by_arn:
        yield f"a dead letter speaks of {arn}, which is no execution of the state machine"


def _mistakes(
    session: Session, execution: Execution, letter: Letter, *, where_known: bool
) -> Iterator[str]:
    shown = cut(json_text(letter), _SHOWN_CHARS)
    if letter_input(session, letter) != execution.input:
        yield f"the dead letter of {_name(execution)} has not its input: {shown}"
    if not letter.get("error"):
        yield f"the dead letter of {_name(execution)} has no error: {shown}"
    if where_known and execution.status not in _FROM_OUTSIDE and not letter.get("state"):
        yield f"the dead letter of {_name(execution)} does not say in which state: {shown}"


def letter_input(session: Session, letter: Letter) -> Json:
    """The input itself, or what its claim check leads to."""
    match letter:
        case {"input": given}:
            return given
        case {"inputLocation": {"bucket": str(bucket), "key": str(key)}}:
            answer = session.aws.call("s3", "GetObject", {"Bucket": bucket, "Key": key})
            return json.loads(answer["Body"].read())
        case {"inputLocation": {"executionArn": str(arn)}} if arn in session.executions:
            return session.executions[arn].input
    return None


def retried_outcomes(executions: Iterable[Execution], outcomes: Collection[str]) -> Iterator[str]:
    """An answer of the business is the same however often one asks."""
    for execution in executions:
        for event in execution.history:
            if event[0].endswith("Scheduled") and event[1]:
                before = execution.history[event[1] - 1]
                error = _error_of(before)
                if error in outcomes:
                    yield f"{_name(execution)} has retried {error}, which is an answer"


def _error_of(event: tuple[Any, ...]) -> str | None:
    """Of an attempt that failed."""
    match event:
        case ("TaskFailed", _, _, _, _, error, *_):
            return str(error)
        case ("LambdaFunctionFailed" | "ActivityFailed", _, _, error, *_):
            return str(error)
    return None


def done_twice(effect: str, counts: Mapping[str, int]) -> Iterator[str]:
    for key, count in counts.items():
        if count > 1:
            yield f"{effect} {key} was done {count} times"


def _name(execution: Execution) -> str:
    return f"{execution.state_machine_name}:{execution.name}"
