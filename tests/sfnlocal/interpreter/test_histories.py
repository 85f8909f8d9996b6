"""Whole executions as data: definition, input and what services answer, against the history.

An event is written `id previous type name-or-detail @seconds`; time is seconds since the start.
"""

from __future__ import annotations

import heapq
import json
import random
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.history import api_events, json_events
from sfnlocal.interpreter import Execution, handle, link, start
from sfnlocal.language import compile_definition
from sfnlocal.ports import (
    Effect,
    Input,
    InvokeTask,
    StartTimer,
    StopExecution,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)

START_MS = 1_767_225_600_000
CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases").glob("*.json"))
    for case in json.loads(path.read_text())
]


class Simulation:
    """Carries effects out: timers on a heap, services from the case's `answers`."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.answers = {state: list(given) for state, given in case.get("answers", {}).items()}
        self.due: list[tuple[int, int, Input]] = []
        self.serial = 0
        self.stopped: list[int] = []
        self.execution = Execution(
            arn="arn:aws:states:us-east-1:123456789012:execution:m:x",
            name="x",
            machine=link(compile_definition(case["definition"])),
            state_machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:m",
            state_machine_name="m",
            role_arn="arn:aws:iam::123456789012:role/m",
            region="us-east-1",
            input_text=json.dumps(case.get("input", {})),
            input=case.get("input", {}),
            start_ms=START_MS,
            rng=random.Random(case.get("seed", 0)),
        )
        for at_seconds in case.get("stop_at", []):
            self.add(START_MS + at_seconds * 1000, StopExecution("Operator", "stopped by hand"))

    def add(self, at_ms: int, fact: Input) -> None:
        self.serial += 1
        heapq.heappush(self.due, (at_ms, self.serial, fact))

    def run(self) -> Execution:
        execution = self.execution
        self.carry_out(start(execution))
        while self.due and execution.status == "RUNNING":
            at_ms, _, fact = heapq.heappop(self.due)
            if isinstance(fact, TimerFired) and fact.timer_id not in execution.timers:
                continue
            self.carry_out(handle(execution, fact, at_ms))
        return execution

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartTimer():
                    self.add(effect.at_ms, TimerFired(effect.timer_id))
                case InvokeTask():
                    for answer in self.answers[effect.state].pop(0):
                        at_ms = self.execution.now_ms + int(answer.get("after", 0) * 1000)
                        self.add(at_ms, fact_of(effect.task_id, answer))
                case _:
                    pass


def fact_of(task_id: int, answer: dict[str, Any]) -> Input:
    match answer:
        case {"error": error}:
            return TaskFailed(task_id, error, answer.get("cause"))
        case {"submitted": output}:
            return TaskSubmitted(task_id, output)
        case {"heartbeat": True}:
            return TaskHeartbeat(task_id)
        case {"output": output}:
            return TaskSucceeded(task_id, output)
    raise ValueError(f"no such answer: {answer}")


def written(event: dict[str, Any]) -> str:
    details: dict[str, Any] = next(
        (value for key, value in event.items() if key.endswith("EventDetails")), {}
    )
    words = [str(event["id"]), str(event["previousEventId"]), event["type"]]
    words += [str(details[key]) for key in ("name", "index", "error") if key in details]
    seconds = (event["timestamp"] - START_MS) / 1000
    return " ".join([*words, f"@{seconds:g}"])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_execution_gives_the_history_that_aws_gives(case: dict[str, Any]) -> None:
    execution = Simulation(case).run()
    expected = case["expect"]
    assert execution.status == expected["status"], (execution.error, execution.cause)
    for field in ("output", "error", "cause"):
        if field in expected:
            assert getattr(execution, field) == expected[field]
    if "events" in expected:
        assert [written(event) for event in api_events(execution.history)] == expected["events"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_same_input_and_seed_give_the_same_history_byte_for_byte(case: dict[str, Any]) -> None:
    first, second = (json.dumps(list(api_events(Simulation(case).run().history))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_text_of_the_events_says_what_the_events_say(case: dict[str, Any]) -> None:
    history = Simulation(case).run().history
    expected = [{**event, "timestamp": event["timestamp"] / 1000} for event in api_events(history)]
    assert [json.loads(text) for text in json_events(history)] == expected
