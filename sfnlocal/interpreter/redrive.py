"""Redrive: an execution that did not succeed goes on where it stopped.

Its frames are as they were when it ended. Those whose state was not left do that state again, with
the input that it was entered with; what succeeded is not done again. Whether an execution may be
redriven is not asked here.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from collections.abc import Iterator

from sfnlocal.interpreter.concurrent import ForkStep
from sfnlocal.interpreter.execution import Execution, Frame
from sfnlocal.interpreter.quotas import DATA_LIMIT_EXCEEDED
from sfnlocal.interpreter.run import advance, run_frame, start_time_out
from sfnlocal.jsontext import json_bytes
from sfnlocal.ports import Effect


def reopen(execution: Execution, now_ms: int) -> list[Frame]:
    """Record ExecutionRedriven; nothing runs yet. Gives the frames that `run_again` takes. The
    execution must have ended FAILED, TIMED_OUT or ABORTED."""
    assert execution.root is not None
    execution.now_ms = execution.redrive_ms = now_ms
    execution.redrive_count += 1
    history = execution.history
    history.append(("ExecutionRedriven", len(history), now_ms, execution.redrive_count))
    # Documented: a Parallel or Map state with too much data runs all its children again.
    whole = execution.error == DATA_LIMIT_EXCEEDED
    execution.status = "RUNNING"
    execution.stop_ms = execution.error = execution.cause = None
    return list(_unsuccessful(execution.root, whole=whole))


def run_again(execution: Execution, frames: list[Frame]) -> list[Effect]:
    """Run the frames, and what follows, until everything waits."""
    effects: list[Effect] = []
    execution.effects = effects
    start_time_out(execution)
    for frame in frames:
        if execution.status == "RUNNING" and _is_wanted(frame):
            run_frame(frame, frame.step.redrive(frame) if frame.entered_event else frame.step)
    advance(execution)
    return effects


def _unsuccessful(frame: Frame, *, whole: bool) -> Iterator[Frame]:
    """The frame and those inside it that have not come to their end."""
    step = frame.step
    yield _restored(frame)
    if not isinstance(step, ForkStep) or not frame.entered_event:
        return
    if whole:
        step.start_over(frame)
        return
    for child in step.take_back(frame):
        yield from _unsuccessful(child, whole=whole)


def _restored(frame: Frame) -> Frame:
    """As it was when it entered its state."""
    frame.retries, frame.retry_count = None, 0
    frame.token = None
    frame.timer_ids.clear()
    if frame.entered_event:
        value = frame.execution.history[frame.entered_event - 1][4]
        if value is not frame.value:
            frame.value, frame.value_bytes = value, json_bytes(value)
    return frame


def _is_wanted(frame: Frame) -> bool:
    """Whether it was not stopped again since, by another one that failed."""
    parent = frame.parent
    return parent is None or parent.children.get(frame.index) is frame
