"""Definitions that CreateStateMachine rejects, as data: cases/definitions.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import DefinitionError, UnsupportedError
from sfnlocal.language import compile_definition, diagnose

_CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "definitions.json").read_text("utf-8")
)


@pytest.mark.parametrize(
    "case", [c for c in _CASES if "diagnostics" in c], ids=lambda case: case["name"]
)
def test_a_bad_definition_is_rejected_with_all_its_errors(case: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_definition(case["definition"], type=case.get("type", "STANDARD"))
    error = caught.value
    assert [list(diagnostic[:3]) for diagnostic in error.diagnostics] == case["diagnostics"]
    if "where" in case:
        assert error.where == case["where"]


@pytest.mark.parametrize(
    "case", [c for c in _CASES if "unsupported" in c], ids=lambda case: case["name"]
)
def test_what_runs_on_aws_only_is_refused_by_name(case: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError) as caught:
        compile_definition(case["definition"])
    assert [caught.value.message, caught.value.where] == case["unsupported"]
    assert caught.value.hint


def test_the_message_joins_all_errors_as_aws_does() -> None:
    # https://github.com/localstack/localstack/pull/12487 quotes AWS.
    definition = {
        "StartAt": "pass1",
        "States": {"pass1": {"Type": "Pass", "Next": "pass3"}, "pass2": {"Type": "Succeed"}},
    }
    with pytest.raises(DefinitionError) as caught:
        compile_definition(definition)
    assert caught.value.message == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: "
        'pass3 at /States/pass1/Next, MISSING_TRANSITION_TARGET: State "pass2" is not reachable.'
        " at /States/pass2'"
    )
    assert caught.value.hint == "did you mean pass2?"


def test_a_missing_end_is_nowhere() -> None:
    # https://github.com/floci-io/floci/issues/2735 quotes AWS.
    with pytest.raises(DefinitionError) as caught:
        compile_definition({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}})
    assert caught.value.message == (
        "Invalid State Machine Definition: "
        "'MISSING_END_STATE: Workflow has no terminal state at null'"
    )


def test_an_error_stands_where_the_text_is_wrong() -> None:
    definition = {
        "StartAt": "S",
        "States": {"S": {"Type": "Succeed", "Next": "S", "Parameters": {"b.$": "no path"}}},
    }
    found = diagnose(definition)
    assert [(one.location, one.place) for one in found] == [
        ("/States/S", ("States", "S", "Next")),
        ("/States/S", ("States", "S", "Parameters")),
    ]
    assert all(one.severity == "ERROR" and one.hint for one in found)


def test_what_does_not_run_here_is_noted_with_what_is_wrong() -> None:
    iterator = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Comment": 1, "End": True}}}
    map_state = {"Type": "Map", "End": True, "Iterator": iterator, "InputPath": "$.a.concat('b')"}
    found = diagnose({"StartAt": "S", "States": {"S": map_state}})
    assert [(one.severity, one.code) for one in found] == [
        ("ERROR", "SCHEMA_VALIDATION_FAILED"),
        ("NOTE", "NOT_SIMULATED"),
    ]
    assert found[1].place == ("States", "S", "InputPath")


def test_text_that_is_no_json_is_diagnosed() -> None:
    assert [one.code for one in diagnose('{"StartAt": }')] == ["INVALID_JSON_DESCRIPTION"]
    assert [one.message for one in diagnose("[]")] == ["Definition must be a valid JSON object"]


def test_text_that_is_no_json_is_placed_by_line_and_column() -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_definition('{"StartAt": "A",\n "States": {"A": }}')
    assert caught.value.diagnostics[0][:3:2] == (
        "INVALID_JSON_DESCRIPTION",
        "Expecting value: line 2, column 18",
    )
    assert caught.value.hint == '"States": {"A": }}'


@pytest.mark.parametrize("text", ["", " ", "[]", '"text"'])
def test_text_that_is_no_json_object_is_rejected(text: str) -> None:
    with pytest.raises(DefinitionError, match="Definition must be a valid JSON object"):
        compile_definition(text)


def test_nan_is_no_json() -> None:
    with pytest.raises(DefinitionError, match="NaN is not JSON"):
        compile_definition('{"TimeoutSeconds": NaN}')


def test_a_pointer_escapes_what_json_pointers_reserve() -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_definition({"StartAt": "a/b~c", "States": {"a/b~c": {"Type": "Loop"}}})
    assert caught.value.where == "/States/a~1b~0c/Type"
    assert caught.value.diagnostics[0].location == "/States/a/b~c/Type"
