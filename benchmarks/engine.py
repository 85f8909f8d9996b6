"""The interpreter alone, against plain Python that makes JSON text and reads it once a state."""

from __future__ import annotations

import json
import random
from typing import Any

from benchmarks.measure import Row, median_ms
from sfnlocal.history import json_events
from sfnlocal.interpreter import Execution, link, start
from sfnlocal.interpreter.steps import Machine
from sfnlocal.language import compile_definition

_START_MS = 1_767_225_600_000
_SHORT, _LONG = 10, 10_000


def chain(length: int) -> dict[str, Any]:
    states: dict[str, Any] = {
        f"S{i}": {"Type": "Pass", "Next": f"S{i + 1}"} for i in range(length - 1)
    }
    states[f"S{length - 1}"] = {"Type": "Pass", "End": True}
    return {"StartAt": "S0", "States": states}


def _tasks(count: int) -> dict[str, Any]:
    """States as workflows have them: every other one a Task with all that belongs to it."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": "charge",
            "Payload": {
                "id": "{% $states.input.id %}",
                "lines": "{% $count($states.input.lines) + 1 %}",
            },
        },
        "Output": "{% $states.result.Payload %}",
        "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 3}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "End"}],
    }
    assign = {"Type": "Pass", "Assign": {"id": "{% $states.input.id %}"}}
    states = {
        f"S{i}": {**(task if i % 2 else assign), "Next": f"S{i + 1}"} for i in range(count - 1)
    }
    states[f"S{count - 2}"]["Next"] = "End"
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "S0",
        "States": {**states, "End": {"Type": "Succeed"}},
    }


def _map(states: int) -> dict[str, Any]:
    return {
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "ItemProcessor": chain(states), "End": True}},
    }


SHAPES: dict[str, tuple[dict[str, Any], Any, int]] = {
    "a chain of 50 Pass states": (chain(50), {"id": 1, "name": "x"}, 50),
    "an inline Map of 200 items x 3 states": (_map(3), list(range(200)), 600),
    "30 Pass states with a payload of 50 kB": (chain(30), {"text": "x" * 50_000}, 30),
}


def _run(machine: Machine, text: str, value: Any) -> Execution:
    execution = Execution(
        arn="arn:aws:states:us-east-1:123456789012:execution:m:x",
        name="x",
        machine=machine,
        state_machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:m",
        state_machine_name="m",
        role_arn="arn:aws:iam::123456789012:role/m",
        region="us-east-1",
        input_text=text,
        input=value,
        start_ms=_START_MS,
        rng=random.Random(0),
    )
    start(execution)
    return execution


def execution_ms(shape: str) -> float:
    """The median time of one execution of a shape, with its history kept."""
    definition, value, _ = SHAPES[shape]
    machine = link(compile_definition(definition))
    text = json.dumps(value)
    assert _run(machine, text, value).output == value, shape
    return median_ms(lambda: _run(machine, text, value), runs=50)


def _transition_row() -> Row:
    short, long = (link(compile_definition(chain(length))) for length in (_SHORT, _LONG))
    short_ms = median_ms(lambda: _run(short, "{}", {}), runs=500) / _SHORT
    long_ms = median_ms(lambda: _run(long, "{}", {}), runs=20) / _LONG
    detail = f"{long_ms * 1e3:.2f} us against {short_ms * 1e3:.2f} us"
    name = "a transition in a chain of 10,000 states against 10"
    return Row(name, long_ms / short_ms, 1.1, "x", detail)


def _compile_row() -> Row:
    text = json.dumps(_tasks(1_000))
    compile_ms = median_ms(lambda: link(compile_definition(text)), runs=15)
    return Row("compile a definition of 1,000 states", compile_ms, 100, "ms")


def rows() -> list[Row]:
    result = [_transition_row(), _compile_row()]
    for name, (definition, value, states) in SHAPES.items():
        machine = link(compile_definition(definition))
        text = json.dumps(value)
        round_trips = [value[0]] * states if isinstance(value, list) else [value] * states

        def limit(payloads: list[Any] = round_trips) -> None:
            for payload in payloads:
                json.loads(json.dumps(payload))

        def run_and_encode(
            machine: Machine = machine, text: str = text, value: Any = value
        ) -> None:
            ",".join(json_events(_run(machine, text, value).history))

        limit_ms = median_ms(limit, runs=50)
        run_ms = execution_ms(name)
        encode_ms = median_ms(run_and_encode, runs=50)
        detail = f"{run_ms:.3f} ms against {limit_ms:.3f} ms"
        result.append(Row(f"{name}, history kept", run_ms / limit_ms, 1.0, "x limit", detail))
        detail = f"{encode_ms:.3f} ms against {limit_ms:.3f} ms"
        result.append(Row(f"{name}, history encoded", encode_ms / limit_ms, 2.0, "x limit", detail))
    return result
