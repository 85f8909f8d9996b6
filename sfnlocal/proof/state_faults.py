"""What a fault at a Task state is in the session's own words: an outcome of the attempt, and what
happens beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from sfnlocal.driver.mocks import CALL, Failure, Lost, Outcome, Success
from sfnlocal.driver.session import Session
from sfnlocal.driver.status_changes import SOURCE
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.limits import CAUSE_CHARS_MAX, PAYLOAD_BYTES_MAX
from sfnlocal.ports import InvokeTask, TaskAnswer, TaskHeartbeat
from sfnlocal.proof import faults

# Longer than any execution lives: what is due then never comes.
_NEVER_MS = 10 * 366 * 24 * 3_600_000
# An answer that comes after what ends the execution.
_TOO_LATE_MS = 1


@dataclass(frozen=True, slots=True)
class Struck:
    """The attempt that the fault happens to; `call` calls its service after all."""

    session: Session
    execution: Execution
    task: InvokeTask
    call: Callable[[], None]


def too_large(answer: TaskAnswer) -> TaskAnswer:
    """The service has done its work, and says too much about it."""
    return replace(answer, output="x" * PAYLOAD_BYTES_MAX) if answer.error is None else answer


def _fails_at_length(struck: Struck) -> Outcome:
    return Failure(faults.UNFORESEEN, json_text({"errorMessage": "x" * CAUSE_CHARS_MAX}))


def _nothing_ever(struck: Struck) -> Outcome:
    return Success(None, _NEVER_MS)


def _done_but_never_told(struck: Struck) -> Outcome:
    return Lost("", elapsed_ms=_NEVER_MS)


def _done_after_time_out(struck: Struck) -> Outcome:
    """The state has given up, and its service has not."""
    session, task = struck.session, struck.task
    limits = (task.timeout_seconds, task.heartbeat_seconds)
    patience_ms = min(limit * 1000 for limit in limits if limit is not None)
    session.at(session.now_ms + patience_ms + _TOO_LATE_MS, struck.call)
    return Success(None, _NEVER_MS)


def _beating_but_never_told(struck: Struck) -> Outcome:
    _beat(struck)
    return Lost("", elapsed_ms=_NEVER_MS)


def _beat(struck: Struck) -> None:
    """Send heartbeats for as long as the task waits."""
    session, execution, task = struck.session, struck.execution, struck.task
    if task.heartbeat_seconds is None:
        return

    def beat() -> None:
        session.feed(execution, TaskHeartbeat(task.task_id))
        _beat(struck)

    session.at(
        session.now_ms + task.heartbeat_seconds * 500,
        beat,
        lambda: task.task_id in execution.frames_by_task,
    )


def _abort(struck: Struck) -> Outcome:
    _stop(struck)
    return Success(None, _TOO_LATE_MS)


def _abort_after(struck: Struck) -> Outcome:
    """A job that was started, or a token that was sent out, is left to itself."""
    _stop(struck)
    if struck.task.resource.pattern == "REQUEST_RESPONSE":
        return Lost("", elapsed_ms=_TOO_LATE_MS)
    return CALL


def _abort_unheard(struck: Struck) -> Outcome:
    pattern = {"source": [SOURCE], "detail": {"executionArn": [struck.execution.arn]}}
    struck.session.triggers.buses.lose_next(pattern)
    return _abort(struck)


def _stop(struck: Struck) -> None:
    session, arn = struck.session, struck.execution.arn
    session.at(session.now_ms, lambda: _stopped(session, arn))


def _stopped(session: Session, arn: str) -> None:
    session.stop_execution(arn, "Stopped", "injected: aborted")


def _machine_time_out(struck: Struck) -> Outcome:
    _wait_for_machine(struck)
    return Success(None, _NEVER_MS)


def _machine_time_out_after(struck: Struck) -> Outcome:
    _wait_for_machine(struck)
    return Lost("", elapsed_ms=_NEVER_MS)


def _wait_for_machine(struck: Struck) -> None:
    """The state's own times do not end it: so late may any state be, by what came before it."""
    execution = struck.execution
    frame = execution.frames_by_task[struck.task.task_id]
    for timer_id, (waiting, _) in [*execution.timers.items()]:
        if waiting is frame:
            del execution.timers[timer_id]


StateFault: TypeAlias = Callable[[Struck], Outcome]
STATE_FAULTS: Mapping[str, StateFault] = {
    faults.LONG_CAUSE: _fails_at_length,
    faults.TIME_OUT: _nothing_ever,
    faults.LATE_ANSWER: _done_but_never_told,
    faults.LATE_WORK: _done_after_time_out,
    faults.HEARTBEAT_MISSED: _nothing_ever,
    faults.NEVER_ANSWERED: _beating_but_never_told,
    faults.ABORTED: _abort,
    faults.ABORTED_AFTER: _abort_after,
    faults.ABORTED_UNHEARD: _abort_unheard,
    faults.MACHINE_TIME_OUT: _machine_time_out,
    faults.MACHINE_TIME_OUT_AFTER: _machine_time_out_after,
}
