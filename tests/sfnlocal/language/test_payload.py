"""Payload templates and results: shared constants, sizes, and copies of the spine only."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfnlocal.errors import StateError
from sfnlocal.jsontext import json_bytes
from sfnlocal.language.diagnostics import Diagnostics
from sfnlocal.language.payload import compile_jsonata_template, compile_template, put_result
from sfnlocal.language.program import Evaluator, ResultPath
from sfnlocal.ports import Json


class Scope:
    now_ms = 0
    rng = random.Random(0)
    variables: Mapping[str, Json] = {}

    def context(self) -> dict[str, Json]:
        return {}


def template(value: Json) -> Evaluator:
    diagnostics = Diagnostics()
    evaluator = compile_template(value, diagnostics=diagnostics, place=())
    diagnostics.check()
    return evaluator


def jsonata(value: Json) -> Evaluator:
    diagnostics = Diagnostics()
    evaluator = compile_jsonata_template(
        value, field="Output", engine="jlens", diagnostics=diagnostics, place=("Output",)
    )
    diagnostics.check()
    return evaluator


def test_constant_parts_are_shared_and_never_copied() -> None:
    constant = {"deep": [1, {"x": "y"}]}
    whole = template(constant)
    assert whole.call({}, Scope()) is constant
    part = template({"a.$": "$.a", "constant": constant})
    assert part.call({"a": 1}, Scope())["constant"] is constant


def test_each_evaluation_gives_an_object_of_its_own() -> None:
    evaluator = template({"a": {"b.$": "$.b"}})
    first, second = evaluator.call({"b": 1}, Scope()), evaluator.call({"b": 2}, Scope())
    assert (first, second) == ({"a": {"b": 1}}, {"a": {"b": 2}})


@pytest.mark.parametrize(("value", "references"), [
    ({"a": [1, 2, "é"]}, 0),
    ({"a.$": "$.x", "b": {"c.$": "$.y"}}, 2),
    ([{"a.$": "$.x"}], 1),
])  # fmt: skip
def test_a_template_bounds_the_bytes_of_its_result(value: Json, references: int) -> None:
    evaluator = template(value)
    data = {"x": "some text", "y": [1, 2, 3]}
    assert evaluator.references == references
    bound = evaluator.constant_bytes + references * json_bytes(data)
    assert json_bytes(evaluator.call(data, Scope())) <= bound


@pytest.mark.parametrize(("value", "references"), [
    ({"a": 1}, 0),
    ("{% $states.input %}", 1),
    ({"a": "{% $states.result.Payload.id %}", "b": "{% $order.id %}"}, 2),
    ({"a": "{% $states.input.a & 'x' %}"}, None),
    ("{% $states %}", None),
])  # fmt: skip
def test_only_selections_bound_the_size_of_jsonata(value: Json, references: int | None) -> None:
    assert jsonata(value).references == references


def test_a_literal_in_an_intrinsic_function_counts() -> None:
    evaluator = template({"a.$": "States.Format('{} and a rather long literal', $.x)"})
    data = {"x": "1"}
    value = evaluator.call(data, Scope())
    assert evaluator.references is None or json_bytes(value) <= (
        evaluator.constant_bytes + evaluator.references * json_bytes(data)
    )


@pytest.mark.parametrize(("steps", "input", "expected"), [
    ((), {"a": 1}, "R"),
    (("a",), {"a": 1, "b": 2}, {"a": "R", "b": 2}),
    (("a", "b"), {}, {"a": {"b": "R"}}),
    (("a", 1), {"a": [1, 2, 3]}, {"a": [1, "R", 3]}),
    (("a", 0, "b"), {"a": [{"c": 1}]}, {"a": [{"c": 1, "b": "R"}]}),
])  # fmt: skip
def test_a_result_is_put_into_the_input(
    steps: tuple[Any, ...], input: Json, expected: Json
) -> None:
    before = repr(input)
    assert put_result(ResultPath(steps), input, "R") == expected
    assert repr(input) == before


def test_a_discarded_result_leaves_the_input() -> None:
    input = {"a": 1}
    assert put_result(ResultPath(discard=True), input, "R") is input


def test_what_is_not_on_the_way_is_shared() -> None:
    aside = {"big": [1]}
    output = put_result(ResultPath(("a", "b")), {"a": {"c": aside}, "d": aside}, "R")
    assert output["d"] is aside
    assert output["a"]["c"] is aside


@pytest.mark.parametrize(("steps", "input", "path"), [
    (("a",), "text", "$.a"),
    (("a",), None, "$.a"),
    (("a", "b"), {"a": 1}, "$.a.b"),
    (("a", 1), {"a": [1]}, "$.a[1]"),
    (("a", 0), {}, "$.a[0]"),
])  # fmt: skip
def test_a_result_that_cannot_be_put(steps: tuple[Any, ...], input: Json, path: str) -> None:
    # The words are AWS's: https://github.com/aws/aws-cdk/issues/29473
    with pytest.raises(StateError) as caught:
        put_result(ResultPath(steps), input, "R")
    assert caught.value.error == "States.ResultPathMatchFailure"
    assert (caught.value.cause or "").startswith(f"Unable to apply ReferencePath {path} to input ")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(_json)
def test_a_template_without_expressions_is_itself(value: Json) -> None:
    if ".$" not in repr(value):
        evaluator = template(value)
        assert evaluator.call({}, Scope()) == value
        assert evaluator.constant_bytes == json_bytes(value)
