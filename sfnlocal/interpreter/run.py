"""The interpreter's two calls: `start` an execution, `handle` a fact about it.

Both run every frame until it blocks and return the outward effects in order. They are functions
of their arguments alone: no clock, thread, socket or global random number; the same inputs give
the same history. A failing workflow is a result, never an exception.
"""

from __future__ import annotations

from typing import assert_never

from sfnlocal.interpreter.concurrent import MapStep, ParallelStep
from sfnlocal.interpreter.distributed import DistributedMapStep
from sfnlocal.interpreter.execution import Execution, Frame
from sfnlocal.interpreter.flow import ChoiceStep, FailStep, PassStep, WaitStep
from sfnlocal.interpreter.steps import Machine, Step, end
from sfnlocal.interpreter.task import TaskStep
from sfnlocal.language.program import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    Program,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from sfnlocal.ports import (
    ChildEnded,
    Effect,
    Input,
    ItemReaderFailed,
    ItemsRead,
    MapRunUpdated,
    ResultsWritten,
    StartTimer,
    StopExecution,
    TaskFailed,
    TaskHeartbeat,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)


def link(program: Program) -> Machine:
    """Turn a Program into steps that point to each other. Once per definition."""
    steps = {name: step_for(state) for name, state in program.states.items()}
    for step in steps.values():
        step.link(steps)
    return Machine(steps[program.start_at], program.timeout_seconds)


def step_for(state: State) -> Step:
    """The step of one state; it points to nothing yet."""
    match state:
        case PassState() | SucceedState():
            return PassStep(state)
        case TaskState():
            return TaskStep(state)
        case ChoiceState():
            return ChoiceStep(state)
        case WaitState():
            return WaitStep(state)
        case FailState():
            return FailStep(state)
        case ParallelState():
            return ParallelStep(state, tuple(link(branch) for branch in state.branches))
        case MapState():
            if state.distributed is not None:
                return DistributedMapStep(state, state.distributed, link(state.processor))
            return MapStep(state, link(state.processor))
    raise AssertionError(f"no step for a {state.type} state")


def start(execution: Execution) -> list[Effect]:
    """Begin: record ExecutionStarted and run until everything waits."""
    effects: list[Effect] = []
    execution.effects = effects
    execution.history.append(
        (
            "ExecutionStarted",
            0,
            execution.now_ms,
            execution.input_text,
            execution.role_arn,
            execution.version_arn,
            execution.alias_arn,
        )
    )
    start_time_out(execution)
    # The first state follows no event (recorded on AWS).
    frame = Frame(execution, execution.machine, execution.input, execution.input_bytes, 0)
    execution.root = frame
    execution.ready.append(frame)
    advance(execution)
    return effects


def start_time_out(execution: Execution) -> None:
    """The state machine's own, counted from now."""
    timeout_seconds = execution.machine.timeout_seconds
    if timeout_seconds is not None:
        timer_id = execution.next_serial()
        execution.timers[timer_id] = (None, "execution")
        execution.effects.append(StartTimer(timer_id, execution.now_ms + timeout_seconds * 1000))


def handle(execution: Execution, fact: Input, now_ms: int) -> list[Effect]:
    """Take in a fact. One about a task or timer that is no longer waited for changes nothing."""
    effects: list[Effect] = []
    execution.effects = effects
    if execution.status != "RUNNING":
        return effects
    execution.now_ms = now_ms
    match fact:
        case TimerFired():
            _timer_fired(execution, fact.timer_id)
        case StopExecution():
            end(execution, "ABORTED", 0, fact.error, fact.cause)
        case (
            TaskStarted()
            | TaskSubmitted()
            | TaskSucceeded()
            | TaskFailed()
            | TaskHeartbeat()
            | ItemsRead()
            | ItemReaderFailed()
            | ChildEnded()
            | ResultsWritten()
            | MapRunUpdated()
        ):
            frame = execution.frames_by_task.get(fact.task_id)
            if frame is not None:
                run_frame(frame, frame.step.resume(frame, fact))
        case _:
            assert_never(fact)
    advance(execution)
    return effects


def _timer_fired(execution: Execution, timer_id: int) -> None:
    frame, purpose = execution.timers.pop(timer_id, (None, "dead"))
    if purpose == "execution":
        end(execution, "TIMED_OUT", 0)
    if frame is None:
        return
    frame.timer_ids.remove(timer_id)
    step = frame.step
    match purpose:
        case "retry":
            run_frame(frame, step.start(frame))
        case "wait":
            run_frame(frame, step.resume(frame, None))
        case "timeout" | "heartbeat":
            assert isinstance(step, TaskStep)
            also = "States.HeartbeatTimeout" if purpose == "heartbeat" else None
            run_frame(frame, step.time_out(frame, also))


def advance(execution: Execution) -> None:
    """Run every frame that can go on."""
    ready = execution.ready
    while ready:
        frame = ready.popleft()
        run_frame(frame, frame.step)


def run_frame(frame: Frame, step: Step | None) -> None:
    """Run one frame until it waits or is over."""
    execution = frame.execution
    history, events_max = execution.history, execution.machine.history_events_max
    while step is not None and len(history) < events_max:
        frame.step = step
        step = step.run(frame)
    if len(history) >= events_max and execution.status == "RUNNING":
        end(execution, "FAILED", frame.previous)
