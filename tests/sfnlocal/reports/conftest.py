"""Executions to report on: a definition, run with the answers that services would give."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from sfnlocal.interpreter import Execution, handle, link, start
from sfnlocal.language import compile_definition
from sfnlocal.ports import (
    Effect,
    InvokeTask,
    StartTimer,
    StopExecution,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)

START_MS = 1_767_225_600_000
STATES = "arn:aws:states:us-east-1:123456789012"


class Play:
    """`answers` by state, one an attempt, the last one stays: `{"output": ...}`, `{"error": ...}`,
    or `"waits"` for a task that is never answered."""

    def __init__(
        self, definition: Any, input: Any, answers: dict[str, list[Any]], name: str
    ) -> None:
        self.answers = {state: list(given) for state, given in answers.items()}
        self.timers: list[tuple[int, int]] = []
        self.now_ms = START_MS
        self.execution = Execution(
            arn=f"{STATES}:execution:{name}:run",
            name="run",
            machine=link(compile_definition(definition)),
            state_machine_arn=f"{STATES}:stateMachine:{name}",
            state_machine_name=name,
            role_arn="arn:aws:iam::123456789012:role/m",
            region="us-east-1",
            input_text=json.dumps(input),
            input=input,
            start_ms=START_MS,
            rng=random.Random(0),
        )

    def run(self, stop_after_ms: int | None) -> Execution:
        self.carry_out(start(self.execution))
        while self.timers:
            at_ms, timer_id = heapq.heappop(self.timers)
            if stop_after_ms is not None and at_ms > START_MS + stop_after_ms:
                break
            if timer_id in self.execution.timers:
                self.feed(TimerFired(timer_id), at_ms)
        if stop_after_ms is not None:
            self.feed(StopExecution("Stopped", "by hand"), START_MS + stop_after_ms)
        return self.execution

    def feed(self, fact: Any, now_ms: int) -> None:
        self.now_ms = now_ms
        self.carry_out(handle(self.execution, fact, now_ms))

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, StartTimer):
                heapq.heappush(self.timers, (effect.at_ms, effect.timer_id))
            elif isinstance(effect, InvokeTask):
                self.answer(effect)

    def answer(self, task: InvokeTask) -> None:
        given = self.answers[task.state]
        answer = given.pop(0) if len(given) > 1 else given[0]
        submitted = isinstance(answer, dict) and "submitted" in answer
        if submitted:
            self.feed(TaskSubmitted(task.task_id, answer["submitted"]), self.now_ms)
        if answer == "waits":
            self.feed(TaskSubmitted(task.task_id, {}), self.now_ms)
        elif "error" in answer:
            fact = TaskFailed(task.task_id, answer["error"], answer.get("cause"))
            self.feed(fact, self.now_ms)
        elif "output" in answer:
            self.feed(TaskSucceeded(task.task_id, answer["output"]), self.now_ms)


@pytest.fixture
def play() -> Callable[..., Execution]:
    """Run a definition; `stop_after_ms` stops the execution then."""

    def play(
        definition: Any,
        input: Any = None,
        answers: dict[str, list[Any]] | None = None,
        *,
        name: str = "Machine",
        stop_after_ms: int | None = None,
    ) -> Execution:
        run = Play(definition, {} if input is None else input, answers or {}, name)
        return run.run(stop_after_ms)

    return play
