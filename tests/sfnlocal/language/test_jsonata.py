"""JSONata: cases as data on every engine, what an engine does otherwise as data too, properties."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfnlocal.errors import InputError, StateError
from sfnlocal.language.jsonata import (
    ENGINES,
    ExpressionSyntaxError,
    JsonataExpression,
    check_references,
    compile_jsonata,
)
from sfnlocal.language.jsonata_engine import EvaluationError
from sfnlocal.language.jsonata_references import read_references

FOLDER = Path(__file__).parent / "cases"
DATA: dict[str, Any] = json.loads((FOLDER / "jsonata.json").read_text(encoding="utf-8"))
# What an engine gives where it differs from the case: an outcome, and why it is let be.
DIFFERENCES: list[dict[str, Any]] = json.loads(
    (FOLDER / "jsonata_engine_differences.json").read_text(encoding="utf-8")
)
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Scope:
    """A frame with the case's variables, a fixed time and a seeded generator."""

    now_ms = START_MS

    def __init__(self, variables: dict[str, Any] | None = None, seed: int = 1) -> None:
        self.variables = variables or {}
        self.rng = random.Random(seed)
        self.contexts_built = 0

    def context(self) -> dict[str, Any]:
        self.contexts_built += 1
        return {"Execution": {"Name": "run-1"}}


on_every_engine = pytest.mark.parametrize("engine", sorted(ENGINES))


def outcome_of(case: dict[str, Any], engine: str) -> dict[str, Any]:
    """The case's outcome, or the one that this engine is known to have."""
    for difference in DIFFERENCES:
        if (difference["name"], difference["engine"]) == (case["name"], engine):
            outcome: dict[str, Any] = difference["outcome"]
            return outcome
    return {key: case[key] for key in ("expected", "error", "refused") if key in case}


def cases_with(key: str) -> Callable[[Any], Any]:
    """Every engine with each case whose outcome it is, so that a difference moves a case."""
    return pytest.mark.parametrize(
        ("engine", "case", "outcome"),
        [
            pytest.param(engine, case, outcome[key], id=f"{engine}-{case['name']}")
            for engine in sorted(ENGINES)
            for case in DATA["cases"]
            if key in (outcome := outcome_of(case, engine))
        ],
    )


def evaluate(case: dict[str, Any], engine: str) -> Any:
    expression = compile_jsonata(case["expression"], field="Output/x", engine=engine)
    states = case.get("states") or {"input": case.get("input", DATA["input"])}
    return expression.evaluate(states, Scope(case.get("variables")))


def test_every_case_names_its_source_and_one_outcome_and_names_are_unique() -> None:
    names = [case["name"] for case in DATA["cases"]]
    assert len(names) == len(set(names))
    for case in DATA["cases"]:
        assert case["source"]
        assert len(case.keys() & {"expected", "error", "refused"}) == 1


def test_every_difference_is_one_of_a_case_and_says_why() -> None:
    names = {case["name"] for case in DATA["cases"]}
    for difference in DIFFERENCES:
        assert difference["name"] in names
        assert difference["engine"] in ENGINES
        assert difference["why"]


@cases_with("expected")
def test_an_expression_gives(engine: str, case: dict[str, Any], outcome: Any) -> None:
    assert json.dumps(evaluate(case, engine)) == json.dumps(outcome)


@cases_with("error")
def test_an_expression_that_fails_says_so_in_awss_words(
    engine: str, case: dict[str, Any], outcome: str
) -> None:
    with pytest.raises(StateError) as raised:
        evaluate(case, engine)

    assert raised.value.error == "States.QueryEvaluationError"
    assert raised.value.location == "Output/x"
    assert raised.value.cause == (
        f"The JSONata expression '{case['expression']}' specified for the field 'Output/x' "
        f"{outcome}"
    )


@cases_with("refused")
def test_an_expression_that_aws_refuses_is_refused_when_compiled(
    engine: str, case: dict[str, Any], outcome: str
) -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        compile_jsonata(case["expression"], field="Output", engine=engine)

    assert str(raised.value) == outcome
    assert raised.value.aws_code == case["aws_code"]
    assert raised.value.position == case.get("position", raised.value.position)


@on_every_engine
def test_the_context_object_is_built_only_where_it_is_read(engine: str) -> None:
    def contexts_built(text: str) -> int:
        scope = Scope()
        expression = compile_jsonata(text, field="Output", engine=engine)
        expression.evaluate({"input": {"a": 1}}, scope)
        assert expression.uses_context == bool(scope.contexts_built)
        return scope.contexts_built

    assert contexts_built("$states.input.a") == 0
    assert contexts_built("$states.input.a + 1") == 0
    assert contexts_built("$states.context.Execution.Name") == 1
    assert contexts_built("$uppercase($states.context.Execution.Name)") == 1
    assert contexts_built("$states") == 1
    assert contexts_built("$string($states)") == 1
    assert contexts_built("($s := $states; $s.context.Execution.Name)") == 1


@on_every_engine
def test_chance_comes_from_the_scope_alone(engine: str) -> None:
    text = "{'u': $uuid(), 'r': $random(), 's': $shuffle([1..9])}"
    expression = compile_jsonata(text, field="Output", engine=engine)

    first, again, other = (
        expression.evaluate({"input": {}}, Scope(seed=seed)) for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other
    assert UUID(first["u"]).version == 4
    assert 0 <= first["r"] < 1
    assert sorted(first["s"]) == list(range(1, 10))


def test_both_engines_draw_the_same_numbers() -> None:
    text = "[$random(), $uuid(), $shuffle([1..5])]"

    results = [
        compile_jsonata(text, field="Output", engine=engine).evaluate({"input": {}}, Scope())
        for engine in ENGINES
    ]

    assert results[0] == results[1]


@on_every_engine
def test_a_shuffle_of_a_single_value_is_that_value_in_an_array(engine: str) -> None:
    expression = compile_jsonata("$shuffle(1)", field="Output", engine=engine)

    assert expression.evaluate({"input": {}}, Scope()) == [1]


@on_every_engine
def test_a_shuffle_of_nothing_is_undefined(engine: str) -> None:
    expression = compile_jsonata("$exists($shuffle($nothing))", field="Output", engine=engine)

    assert expression.evaluate({"input": {}}, Scope()) is False


def test_a_selection_is_the_value_itself() -> None:
    value = {"big": [1.0, 2**70]}
    expression = compile_jsonata("$states.input.a", field="Output")

    assert expression.evaluate({"input": {"a": value}}, Scope()) is value


def test_an_endless_recursion_ends_at_a_step_limit() -> None:
    expression = compile_jsonata(
        "($f := function($x) { $f($x + 1) }; $f(1))", field="Output", engine="jlens"
    )

    with pytest.raises(StateError, match="U1006: The evaluation exceeded its budget"):
        expression.evaluate({"input": {}}, Scope())


@on_every_engine
def test_an_endless_nesting_overflows_the_stack(engine: str) -> None:
    expression = compile_jsonata(
        "($f := function($x) { 1 + $f($x + 1) }; $f(1))", field="Output", engine=engine
    )

    with pytest.raises(StateError, match="D1011: Stack overflow"):
        expression.evaluate({"input": {}}, Scope())


@on_every_engine
def test_a_fault_of_an_engine_fails_the_state_and_not_the_program(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expression = compile_jsonata("$hash('a', 'MD5')", field="Output", engine=engine)
    monkeypatch.setattr(type(expression._compiled), "evaluate", _broken)

    with pytest.raises(StateError, match=r"threw an internal error during evaluation\. broken"):
        expression.evaluate({"input": {}}, Scope())


def _broken(*_arguments: Any) -> Any:
    raise EvaluationError("", "broken")


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="jlens, jsonata-python"):
        compile_jsonata("1", field="Output", engine="jsonata-js")


def test_all_refused_references_are_listed_once_in_order() -> None:
    assert check_references("a + $string(b.c) + a + $.d + $$.e") == ["a", "b", "$", "$$"]
    assert check_references("$states.input.a[b = $.c].(d + %.e)") == []


def test_the_variables_that_an_expression_names_are_read_from_its_tree() -> None:
    references = read_references("$order.id & $f($x, function($v) { $v })")

    assert references.variables == {"order", "f", "x", "v"}
    assert not references.reads_context


@pytest.mark.parametrize("text", ["(" * 4000, "[" * 4000, "$f(" * 4000])
@on_every_engine
def test_nesting_without_end_is_a_syntax_error(engine: str, text: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_jsonata(text, field="Output", engine=engine)


PIECES = st.sampled_from(
    [
        *(
            "$states.input.a",
            "$states",
            "$x",
            "$",
            "$$",
            "a",
            "%",
            "*",
            "**",
            "'t'",
            "1",
            "-2",
            "0",
        ),
        *("true", "null", "+", "-", "/", "&", "=", "<", " in ", " and ", "~>", ":=", "?", ":", ";"),
        *("(", ")", "[", "]", "{", "}", ",", ".", "..", "^(", "@$v", "#$i", "|", "/a/", "$sum("),
        *("$map(", "$parse(", "$partition(", "$range(", "$hash(", "$random(", "$uuid()", "$now()"),
        *("function($v){", "$string(", "$count(", "??", "?:", "`b`", "$eval("),
    ]
)


@on_every_engine
@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=7).map("".join))
def test_any_text_is_an_expression_or_refused_and_any_expression_gives_or_fails(
    engine: str, text: str
) -> None:
    try:
        expression: JsonataExpression = compile_jsonata(text, field="Output", engine=engine)
    except ExpressionSyntaxError:
        return
    with suppress(StateError):
        result = expression.evaluate({"input": {"a": [1, {"b": "x"}]}}, Scope({"x": [2, "y"]}))
        assert json.loads(json.dumps(result)) == result


@on_every_engine
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(max_size=12))
def test_arbitrary_text_never_raises_anything_else(engine: str, text: str) -> None:
    with suppress(ExpressionSyntaxError, StateError):
        compile_jsonata(text, field="Output", engine=engine).evaluate({"input": {}}, Scope())
