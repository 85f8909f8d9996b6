"""Choice rules. The expected answers of the comparisons were recorded on AWS
(github.com/localstack/localstack, tests/aws/services/stepfunctions/v2/choice_operators); the rest
is https://states-language.net/spec.html#choice-state."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from sfnlocal.errors import StateError
from sfnlocal.language import compile_definition
from sfnlocal.language.choice import OPERATORS
from sfnlocal.language.program import ChoiceState
from sfnlocal.ports import Json


class Scope:
    now_ms = 0
    rng = random.Random(0)
    variables: Mapping[str, Json] = {"limit": {"n": 5}}

    def context(self) -> dict[str, Json]:
        return {"Execution": {"Name": "n-1"}}


def holds(rule: dict[str, Json], data: Json, **machine: Json) -> bool:
    program = compile_definition(
        {
            "StartAt": "C",
            "States": {
                "C": {"Type": "Choice", "Choices": [{**rule, "Next": "T"}]},
                "T": {"Type": "Succeed"},
            },
            **machine,
        }
    )
    state = program.states["C"]
    assert isinstance(state, ChoiceState)
    answer: bool = state.choices[0].condition.call(data, Scope())
    return answer


def test_there_are_39_comparison_operators() -> None:
    assert len(OPERATORS) == 39


EARLY, LATE = "2012-10-09T19:00:55Z", "2012-10-09T19:00:56Z"


@pytest.mark.parametrize(("kind", "low", "high"), [
    ("Numeric", 1, 1.1),
    ("String", "A", "AB"),
    ("Timestamp", EARLY, LATE),
])  # fmt: skip
@pytest.mark.parametrize(("operator", "less", "equal", "greater"), [
    ("Equals", False, True, False),
    ("LessThan", True, False, False),
    ("GreaterThan", False, False, True),
    ("LessThanEquals", True, True, False),
    ("GreaterThanEquals", False, True, True),
])  # fmt: skip
@pytest.mark.parametrize("by_path", [False, True], ids=["literal", "path"])
def test_comparisons(
    kind: str, low: Json, high: Json, operator: str, less: bool, equal: bool, greater: bool,
    by_path: bool,
) -> None:  # fmt: skip
    name = f"{kind}{operator}" + ("Path" if by_path else "")

    def compare(value: Json, operand: Json) -> bool:
        rule = {"Variable": "$.v", name: "$.o" if by_path else operand}
        return holds(rule, {"v": value, "o": operand})

    assert (compare(low, high), compare(low, low), compare(high, low)) == (less, equal, greater)


@pytest.mark.parametrize("value", [None, 0, 1.1, "", "x", EARLY, [], [""], {}, {"A": 0}, True])
@pytest.mark.parametrize(("operator", "operand"), [
    ("StringEquals", "y"), ("NumericEquals", 2), ("BooleanEquals", False),
    ("TimestampEquals", LATE), ("StringLessThanPath", "$.o"), ("NumericGreaterThanPath", "$.o"),
    ("BooleanEqualsPath", "$.o"), ("TimestampLessThanEqualsPath", "$.o"), ("StringMatches", "z*"),
])  # fmt: skip
def test_another_type_or_value_does_not_match(value: Json, operator: str, operand: Json) -> None:
    rule = {"Variable": "$.v", operator: operand}
    assert not holds(rule, {"v": value, "o": []})


KINDS: dict[str, list[Json]] = {
    "null": [None],
    "number": [0, 0.0, 1.1],
    "text": ["", " ", "2012-10-09", "2012-10-09T19:00:55"],
    "timestamp": [EARLY, "2012-10-09T19:00:55+01:00"],
    "boolean": [True, False],
    "structure": [[], [""], {}, {"A": 0}],
}


@pytest.mark.parametrize(("operator", "matching"), [
    ("IsNull", {"null"}),
    ("IsNumeric", {"number"}),
    ("IsString", {"text", "timestamp"}),
    ("IsTimestamp", {"timestamp"}),
    ("IsBoolean", {"boolean"}),
    ("IsPresent", set(KINDS)),
])  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_type_tests(operator: str, matching: set[str], kind: str) -> None:
    for value in KINDS[kind]:
        assert holds({"Variable": "$.v", operator: True}, {"v": value}) is (kind in matching)
        assert holds({"Variable": "$.v", operator: False}, {"v": value}) is (kind not in matching)


def test_is_present_may_ask_for_what_is_not_there() -> None:
    assert not holds({"Variable": "$.v.w", "IsPresent": True}, {})
    assert holds({"Variable": "$.v.w", "IsPresent": False}, {})


@pytest.mark.parametrize("rule", [
    {"Variable": "$.v", "StringEquals": "x"},
    {"Variable": "$.v", "IsNull": True},
    {"Variable": "$.here", "NumericEqualsPath": "$.v"},
])  # fmt: skip
def test_a_path_that_finds_nothing_fails_the_state(rule: dict[str, Json]) -> None:
    with pytest.raises(StateError) as caught:
        holds(rule, {"here": 1})
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        "Invalid path '$.v': The choice state's condition path references an invalid value."
    )


@pytest.mark.parametrize(("pattern", "text", "expected"), [
    ("*.log", "zebra.log", True), ("foo*.log", "foo23.log", True), ("foo*.*", "foobar.zebra", True),
    ("log", "a log", False), ("a*c", "a\nb\nc", True), ("a.c", "abc", False),
    (r"a\*c", "a*c", True), (r"a\*c", "abc", False), (r"a\\*", "a\\anything", True), ("", "", True),
])  # fmt: skip
def test_string_matches(pattern: str, text: str, expected: bool) -> None:
    assert holds({"Variable": "$.v", "StringMatches": pattern}, {"v": text}) is expected


def test_strings_compare_by_utf16_code_units_as_in_java() -> None:
    # U+1F600 is D83D DE00 there, below U+FF5E.
    assert holds({"Variable": "$.v", "StringLessThan": "\uff5e"}, {"v": "\U0001f600"})


@pytest.mark.parametrize(("type_", "value", "expected"), [
    ("Public", 0, True), ("Private", 0, False), ("Public", 30, False), ("Public", 20, True),
])  # fmt: skip
def test_rules_combine(type_: str, value: int, expected: bool) -> None:
    rule = {
        "And": [
            {"Not": {"Variable": "$.type", "StringEquals": "Private"}},
            {
                "Or": [
                    {"Variable": "$.value", "NumericEquals": 0},
                    {"Variable": "$.value", "NumericGreaterThan": 10, "Comment": "or larger"},
                ]
            },
            {"Variable": "$.value", "NumericLessThan": 30},
        ]
    }
    assert holds(rule, {"type": type_, "value": value}) is expected


def test_and_asks_no_further_than_it_must() -> None:
    rule = {
        "And": [
            {"Variable": "$.v", "IsPresent": True},
            {"Variable": "$.v", "StringEquals": "x"},
        ]
    }
    assert not holds(rule, {})


def test_rules_read_the_context_object_and_variables() -> None:
    assert holds({"Variable": "$$.Execution.Name", "StringEquals": "n-1"}, {})
    assert holds({"Variable": "$.v", "NumericLessThanPath": "$limit.n"}, {"v": 4})


@pytest.mark.parametrize(("condition", "expected"), [
    (True, True), (False, False), ("{% $states.input.v > 1 %}", True),
])  # fmt: skip
def test_a_jsonata_condition(condition: Any, expected: bool) -> None:
    data = {"input": {"v": 2}}
    assert holds({"Condition": condition}, data, QueryLanguage="JSONata") is expected


def test_a_jsonata_condition_gives_a_boolean() -> None:
    with pytest.raises(StateError) as caught:
        holds({"Condition": "{% $states.input.v %}"}, {"input": {"v": 2}}, QueryLanguage="JSONata")
    assert caught.value.cause == (
        "The JSONata expression '$states.input.v' specified for the field 'Choices[0]/Condition' "
        "returned an unexpected result type. Expected 'boolean', but was 'number' for value: 2"
    )
    assert caught.value.location == "Choices[0]/Condition"
