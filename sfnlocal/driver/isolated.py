"""Runs one state by itself to its outcome, in a time of its own.

Nothing waits: a timer is due when nothing else is before it. Only a Task without a mock leaves the
test, to the session's services.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

from sfnlocal.interpreter import Execution, handle
from sfnlocal.interpreter.isolated import IsolatedState, StateOutcome
from sfnlocal.ports import (
    Input,
    InvokeTask,
    StartTimer,
    TaskAnswer,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)

Answering: TypeAlias = Callable[[InvokeTask, int], TaskAnswer]


def run_isolated(state: IsolatedState, execution: Execution, answer: Answering) -> StateOutcome:
    """`answer` is asked for what a task's service says."""
    due: list[tuple[int, int, Input]] = []
    order = count()
    effects = state.start(execution)
    while True:
        for effect in effects:
            match effect:
                case InvokeTask():
                    answered = answer(effect, execution.now_ms)
                    at_ms = execution.now_ms + answered.elapsed_ms
                    heapq.heappush(due, (at_ms, next(order), _fact(state, effect, answered)))
                case StartTimer():
                    _, purpose = execution.timers.get(effect.timer_id, (None, "dead"))
                    if purpose == "retry":
                        return state.outcome(execution, effect.at_ms - execution.now_ms)
                    fired = TimerFired(effect.timer_id)
                    heapq.heappush(due, (effect.at_ms, next(order), fired))
        if execution.status != "RUNNING":
            return state.outcome(execution)
        at_ms, _, fact = heapq.heappop(due)
        effects = handle(execution, fact, at_ms)


def _fact(state: IsolatedState, task: InvokeTask, answer: TaskAnswer) -> Input:
    if answer.error is not None:
        return TaskFailed(task.task_id, answer.error, answer.cause)
    state.inspection.note("result", answer.output)
    return TaskSucceeded(task.task_id, answer.output)
