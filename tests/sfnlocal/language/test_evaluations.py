"""What a state's fields evaluate to, and how they fail, as data: cases/evaluations.json."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import StateError
from sfnlocal.language import compile_definition
from sfnlocal.ports import Json

_CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "evaluations.json").read_text("utf-8")
)


class Scope:
    """A frame at 1,000 s after the epoch."""

    now_ms = 1_000_000
    rng = random.Random(0)

    def __init__(self, case: Mapping[str, Any]) -> None:
        self.variables: Mapping[str, Json] = case.get("variables", {})
        self._context: dict[str, Json] = case.get("context", {})

    def context(self) -> dict[str, Json]:
        return self._context


def evaluate(case: dict[str, Any]) -> Json:
    state = dict(case["state"])
    if state["Type"] != "Fail":
        state["End"] = True
    program = compile_definition({"StartAt": "S", "States": {"S": state}})
    evaluator = getattr(program.states["S"], case["evaluate"])
    return evaluator.call(case["data"], Scope(case))


@pytest.mark.parametrize("case", [c for c in _CASES if "value" in c], ids=lambda c: c["name"])
def test_a_field_evaluates(case: dict[str, Any]) -> None:
    value = evaluate(case)
    assert value == case["value"]
    if isinstance(value, dict):
        assert list(value) == list(case["value"]), "AWS puts the keys that ended in .$ last"


@pytest.mark.parametrize("case", [c for c in _CASES if "error" in c], ids=lambda c: c["name"])
def test_a_field_fails_in_the_words_of_aws(case: dict[str, Any]) -> None:
    with pytest.raises(StateError) as caught:
        evaluate(case)
    error, cause, *location = case["error"]
    assert (caught.value.error, caught.value.cause) == (error, cause)
    assert caught.value.location == (location[0] if location else None)


@pytest.mark.parametrize("engine", ["jlens", "jsonata-python"])
def test_the_caller_chooses_the_jsonata_engine(engine: str) -> None:
    state = {"Type": "Pass", "Output": "{% $states.input.a + 1 %}", "End": True}
    program = compile_definition(
        {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}}, jsonata=engine
    )
    output = program.states["S"].output
    assert output is not None
    assert output.call({"input": {"a": 1}}, Scope({})) == 2
