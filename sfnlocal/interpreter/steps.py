"""Steps: what a Program compiles to, and what every step shares.

A step has `run` (enter the state and go on until it blocks or ends), `start` (the work after
entering, done again by a retry) and, where it can block, `resume`. Each returns the step that the
same frame runs next, or None when the frame waits or is over. A machine's steps point to each
other, so running looks nothing up by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from typing import TYPE_CHECKING, Any

from sfnlocal.errors import StateError
from sfnlocal.interpreter.execution import Execution, Frame
from sfnlocal.interpreter.quotas import DATA_LIMIT_EXCEEDED, too_large
from sfnlocal.jsontext import json_bytes
from sfnlocal.language.program import Catcher, State
from sfnlocal.limits import CAUSE_CHARS_MAX, HISTORY_EVENTS_MAX, PAYLOAD_BYTES_MAX
from sfnlocal.ports import Ended, Json, StartTimer, StopTask

if TYPE_CHECKING:
    from sfnlocal.interpreter.dataflow import Finish

# Nothing catches or retries these.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_FATAL = frozenset({"States.Runtime"})
_TIMEOUTS = frozenset({"States.Timeout", "States.HeartbeatTimeout"})


@dataclass(slots=True, eq=False)
class Machine:
    """A linked Program: its first step, its time-out, and how many events its history may have."""

    first: Step
    timeout_seconds: int | None
    history_events_max: int = HISTORY_EVENTS_MAX


class Step:
    """The base of all steps. `entered` and `exited` are its event types, `aborted` too where AWS
    has one; `catch` pairs each Catcher with the step that it leads to."""

    __slots__ = ("aborted", "catch", "entered", "exited", "name", "next", "state")

    def __init__(self, state: State) -> None:
        self.state: Any = state
        self.name = state.name
        self.entered = intern(f"{state.type}StateEntered")
        self.exited = intern(f"{state.type}StateExited")
        self.aborted: str | None = None
        self.next: Step | None = None
        self.catch: tuple[tuple[Catcher, Step, Finish], ...] = ()

    def link(self, steps: dict[str, Step]) -> None:
        """Point to the steps that this one leads to."""
        from sfnlocal.interpreter.dataflow import catcher_finish

        if self.state.next is not None:
            self.next = steps[self.state.next]
        self.catch = tuple(
            (catcher, steps[catcher.next], catcher_finish(self.state, catcher))
            for catcher in self.state.catch
        )

    def run(self, frame: Frame) -> Step | None:
        enter(frame, self)
        return self.start(frame)

    def start(self, frame: Frame) -> Step | None:
        raise AssertionError(f"{self.state.type} does not start")

    def resume(self, frame: Frame, fact: Any) -> Step | None:
        raise AssertionError(f"{self.state.type} does not wait")

    def redrive(self, frame: Frame) -> Step | None:
        """The frame is in this state, did not get out of it, and is to try again."""
        return self.start(frame)

    def give_up(self, frame: Frame) -> None:
        """Called when an error is not retried, before Catchers are asked."""

    def child_succeeded(self, frame: Frame, child: Frame) -> None:
        raise AssertionError(f"{self.state.type} has no children")

    def child_failed(
        self, frame: Frame, child: Frame, error: str | None, cause: str | None
    ) -> None:
        raise AssertionError(f"{self.state.type} has no children")

    def abort(self, frame: Frame) -> None:
        """The frame is in this state and ends from outside: record it, stop what runs."""
        stop_waiting(frame)
        if self.aborted is not None:
            record(frame, self.aborted)


def record(frame: Frame, event_type: str, *fields: Any) -> None:
    """Append an event that the frame's next one follows."""
    execution = frame.execution
    execution.history.append((event_type, frame.previous, execution.now_ms, *fields))
    frame.previous = len(execution.history)


def record_aside(frame: Frame, event_type: str, *fields: Any) -> None:
    """Append an event that the next one does not follow (AWS's Succeeded and Failed of maps)."""
    execution = frame.execution
    execution.history.append((event_type, frame.previous, execution.now_ms, *fields))


def enter(frame: Frame, step: Step) -> None:
    execution = frame.execution
    history = execution.history
    history.append((step.entered, frame.previous, execution.now_ms, step.name, frame.value))
    frame.entered_event = frame.previous = len(history)
    frame.entered_ms = execution.now_ms
    frame.retries = None
    frame.retry_count = 0


def leave(frame: Frame, step: Step, assigned: Json, following: Step | None) -> Step | None:
    """Record the state's exit with the frame's new value and variables, and go on to
    `following`."""
    execution = frame.execution
    if frame.value_bytes > PAYLOAD_BYTES_MAX:
        frame.value_bytes = json_bytes(frame.value)
        if frame.value_bytes > PAYLOAD_BYTES_MAX:
            cause = too_large(step.name)
            end(execution, "FAILED", frame.previous, DATA_LIMIT_EXCEEDED, cause)
            return None
    if assigned:
        frame.variables = {**frame.variables, **assigned}
    history = execution.history
    history.append(
        (step.exited, frame.previous, execution.now_ms, step.name, frame.value, assigned)
    )
    frame.previous = len(history)
    if following is None:
        complete(frame)
    return following


def complete(frame: Frame) -> None:
    """The frame's last state has been left."""
    if frame.parent is None:
        end(frame.execution, "SUCCEEDED", frame.previous, output=frame.value)
    else:
        frame.parent.step.child_succeeded(frame.parent, frame)


def evaluation_failed(frame: Frame, error: StateError, previous: int | None = None) -> Step | None:
    """An expression of the frame's state failed. `previous` is the event that the failure
    follows, where that is not the frame's last one."""
    cause = record_evaluation_failure(frame, error, previous)
    if error.error == DATA_LIMIT_EXCEEDED:
        # Terminal, as documented; only a task's result over the quota is caught (recorded).
        end(frame.execution, "FAILED", frame.previous, error.error, cause)
        return None
    return fail(frame, error.error, cause)


def record_evaluation_failure(frame: Frame, error: StateError, previous: int | None = None) -> str:
    cause = (
        f"An error occurred while executing the state '{frame.step.name}' "
        f"(entered at the event id #{frame.entered_event}). {error.cause}"
    )[:CAUSE_CHARS_MAX]
    if error.error == "States.QueryEvaluationError":
        if previous is not None:
            frame.previous = previous
        record(frame, "EvaluationFailed", error.error, cause, error.location, frame.step.name)
    return cause


def matches(error_equals: tuple[str, ...], error: str | None, also: str | None = None) -> bool:
    """Whether a Retrier or Catcher with these names takes this error. `also` is a second name
    that the error goes by: a missed heartbeat is reported as States.Timeout."""
    return (
        error in error_equals
        or (also is not None and also in error_equals)
        or "States.ALL" in error_equals
        or ("States.TaskFailed" in error_equals and error not in _TIMEOUTS)
    )


def fail(
    frame: Frame, error: str | None, cause: str | None, also: str | None = None
) -> Step | None:
    """The frame's state failed: retry it, catch the error, or fail the frame."""
    step = frame.step
    if error in _FATAL:
        end(frame.execution, "FAILED", frame.previous, error, cause)
        return None
    if retry(frame, error, also):
        return None
    step.give_up(frame)
    for catcher, target, finish in step.catch:
        if matches(catcher.error_equals, error, also):
            error_output = {"Error": error or "", "Cause": cause or ""}
            try:
                assigned = finish(frame, error_output, json_bytes(error_output))
            except StateError as failure:
                text = record_evaluation_failure(frame, failure)
                if failure.error == DATA_LIMIT_EXCEEDED:
                    end(frame.execution, "FAILED", frame.previous, failure.error, text)
                    return None
                return fail_frame(frame, failure.error, text)
            return leave(frame, step, assigned, target)
    return fail_frame(frame, error, cause)


def retry(frame: Frame, error: str | None, also: str | None) -> bool:
    """Start the back-off of the first Retrier that takes the error, if it has attempts left."""
    retriers = frame.step.state.retry
    for index, retrier in enumerate(retriers):
        if not matches(retrier.error_equals, error, also):
            continue
        counts = frame.retries = frame.retries or [0] * len(retriers)
        if counts[index] >= retrier.max_attempts:
            return False
        delay_ms = retrier.interval_seconds * 1000 * retrier.backoff_rate ** counts[index]
        if retrier.max_delay_seconds is not None:
            delay_ms = min(delay_ms, retrier.max_delay_seconds * 1000)
        if retrier.full_jitter:
            delay_ms *= frame.rng.random()
        counts[index] += 1
        frame.retry_count += 1
        start_timer(frame, frame.now_ms + int(delay_ms), "retry")
        return True
    return False


def fail_frame(frame: Frame, error: str | None, cause: str | None) -> Step | None:
    """Nobody in this frame took the error."""
    parent = frame.parent
    if parent is None:
        end(frame.execution, "FAILED", frame.previous, error, cause)
    else:
        if frame.step.aborted == "TaskStateAborted":
            record(frame, "TaskStateAborted")
        parent.step.child_failed(parent, frame, error, cause)
    return None


def start_timer(frame: Frame, at_ms: int, purpose: str) -> None:
    execution = frame.execution
    timer_id = execution.next_serial()
    execution.timers[timer_id] = (frame, purpose)
    frame.timer_ids.append(timer_id)
    execution.effects.append(StartTimer(timer_id, at_ms))


def stop_waiting(frame: Frame) -> None:
    """Forget the frame's timers and its task; whatever answers later is not heard."""
    frame.forget_timers()
    if frame.execution.frames_by_task.pop(frame.task_id, None) is not None:
        frame.execution.effects.append(StopTask(frame.task_id))


def end(
    execution: Execution,
    status: str,
    previous: int,
    error: str | None = None,
    cause: str | None = None,
    output: Json = None,
) -> None:
    """The execution is over. Where its last event is one too many, that is why it failed; the
    events before it stay, and nothing else is said of what it did (measured on AWS:
    https://github.com/floci-io/floci/issues/2734)."""
    last = execution.machine.history_events_max - 1
    if len(execution.history) > last:
        del execution.history[last:]
        status, previous, output = "FAILED", last, None
        error = "States.Runtime"
        cause = f"The execution reached the maximum number of history events ({last + 1})."
    for task_id in execution.frames_by_task:
        execution.effects.append(StopTask(task_id))
    execution.frames_by_task.clear()
    execution.timers.clear()
    execution.ready.clear()
    execution.status = status
    execution.stop_ms = execution.now_ms
    execution.error = error
    execution.cause = cause
    execution.output = output
    fields = (output,) if status == "SUCCEEDED" else (error, cause)
    event_type = "ExecutionTimedOut" if status == "TIMED_OUT" else f"Execution{status.title()}"
    execution.history.append((event_type, previous, execution.now_ms, *fields))
    execution.effects.append(Ended(status))
