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


def _chain(length: int) -> dict[str, Any]:
    states: dict[str, Any] = {
        f"S{i}": {"Type": "Pass", "Next": f"S{i + 1}"} for i in range(length - 1)
    }
    states[f"S{length - 1}"] = {"Type": "Pass", "End": True}
    return {"StartAt": "S0", "States": states}


def _map(states: int) -> dict[str, Any]:
    return {
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "ItemProcessor": _chain(states), "End": True}},
    }


_SHAPES: dict[str, tuple[dict[str, Any], Any, int]] = {
    "a chain of 50 Pass states": (_chain(50), {"id": 1, "name": "x"}, 50),
    "an inline Map of 200 items x 3 states": (_map(3), list(range(200)), 600),
    "30 Pass states with a payload of 50 kB": (_chain(30), {"text": "x" * 50_000}, 30),
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


def rows() -> list[Row]:
    result = []
    for name, (definition, value, states) in _SHAPES.items():
        machine = link(compile_definition(definition))
        text = json.dumps(value)
        checked = _run(machine, text, value)
        assert checked.output == value, name

        round_trips = [value[0]] * states if isinstance(value, list) else [value] * states

        def limit(payloads: list[Any] = round_trips) -> None:
            for payload in payloads:
                json.loads(json.dumps(payload))

        def run(machine: Machine = machine, text: str = text, value: Any = value) -> None:
            _run(machine, text, value)

        def run_and_encode(
            machine: Machine = machine, text: str = text, value: Any = value
        ) -> None:
            ",".join(json_events(_run(machine, text, value).history))

        limit_ms = median_ms(limit, runs=50)
        run_ms = median_ms(run, runs=50)
        encode_ms = median_ms(run_and_encode, runs=50)
        detail = f"{run_ms:.3f} ms against {limit_ms:.3f} ms"
        result.append(Row(f"{name}, history kept", run_ms / limit_ms, 1.0, "x limit", detail))
        detail = f"{encode_ms:.3f} ms against {limit_ms:.3f} ms"
        result.append(Row(f"{name}, history encoded", encode_ms / limit_ms, 2.0, "x limit", detail))
    return result
