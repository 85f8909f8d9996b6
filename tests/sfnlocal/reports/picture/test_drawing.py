"""What a picture shows, read back from its SVG."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from sfnlocal.errors import InputError
from sfnlocal.interpreter import Execution
from sfnlocal.language import compile_definition
from sfnlocal.reports.data import execution_data
from sfnlocal.reports.picture import Trace, draw, trace_of

SVG = "{http://www.w3.org/2000/svg}"
CHILD_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:child"
INNER = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}
PAY = {
    "StartAt": "Pay",
    "States": {
        "Pay": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "pay"},
            "Retry": [
                {"ErrorEquals": ["Lambda.Busy"], "MaxAttempts": 6, "IntervalSeconds": 1},
                {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 2},
                {"ErrorEquals": ["Declined"], "MaxAttempts": 0},
            ],
            "Catch": [
                {"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "Next": "GiveBack"},
                {"ErrorEquals": ["Broken"], "Next": "Letter"},
                {"ErrorEquals": ["States.ALL"], "Next": "Letter"},
            ],
            "Next": "Large",
        },
        "Large": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.a", "NumericGreaterThan": 1, "Next": "Cool"}],
            "Default": "Ship",
        },
        "Cool": {"Type": "Wait", "Seconds": 5400, "Next": "Ship"},
        "Ship": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution",
            "Parameters": {"StateMachineArn": CHILD_ARN},
            "Next": "Both",
        },
        "Both": {"Type": "Parallel", "Branches": [INNER], "End": True},
        "GiveBack": {"Type": "Pass", "Next": "Rejected"},
        "Rejected": {"Type": "Succeed"},
        "Letter": {"Type": "Pass", "Next": "Failed"},
        "Failed": {"Type": "Fail"},
    },
}


def drawn(trace: Trace | None = None, definition: Any = PAY) -> ElementTree.Element:
    text = draw(compile_definition(definition), "Pay", {CHILD_ARN: "Child"}, trace)
    return ElementTree.fromstring(text)


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def kinds(root: ElementTree.Element) -> dict[str, str]:
    """The classes of each state's shape, by the text that stands in it first."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        name = group.find(f"{SVG}text[@class='name']")
        if name is not None:
            found["".join(text for text in name.itertext())] = group.get("class", "")
    return found


def edges(root: ElementTree.Element, *kind: str) -> list[str]:
    """The titles of the edges that have all these classes."""
    return [
        path.findtext(f"{SVG}title") or ""
        for path in root.iter(f"{SVG}path")
        if {"edge", *kind} <= set(path.get("class", "").split())
    ]


def test_a_picture_can_be_read_aloud() -> None:
    root = drawn()
    assert root.findtext(f"{SVG}title") == "State machine Pay"
    assert root.findtext(f"{SVG}desc") == (
        "9 states. The main way: Pay, Large, Cool, Ship, Both. "
        "These end in failure: Letter, Failed."
    )
    assert root.get("aria-labelledby") == "title description"


def test_a_picture_needs_nothing_else_and_knows_dark_surroundings() -> None:
    text = draw(compile_definition(PAY), "Pay")
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"<script|<image|<foreignObject|@import|url\(|href", text)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_shapes_say_the_type_and_whether_only_errors_or_failure_lie_there() -> None:
    found = kinds(drawn())
    assert found["Pay"] == "task"
    assert found["Cool"] == "wait"
    assert found["Large"] == "choice"
    assert found["Both (Parallel)"] == "parallel"
    assert found["Inner"] == "pass"
    assert found["GiveBack"] == "pass after-error"
    assert found["Rejected"] == "succeed"
    assert found["Letter"] == "pass lost"
    assert found["Failed"] == "fail lost"


def test_labels_say_what_happens_and_titles_say_it_whole() -> None:
    found = texts(drawn())
    assert "lambda:invoke" in found
    assert "1h 30m" in found
    assert "starts Child" in found
    assert "$.a > 1" in found
    assert "default" in found
    assert "retried: 6x Lambda.Busy; 2x States.Timeoutretry: 2 classes" in found
    assert "caught: DynamoDB.ConditionalCheckFailedExceptionConditionalCheckFailed" in found


def test_several_catchers_with_one_target_are_one_edge() -> None:
    assert sorted(edges(drawn(), "caught")) == [
        "",  # the legend's
        "Broken or States.ALL",
        "DynamoDB.ConditionalCheckFailedException",
    ]


def test_long_names_are_cut_and_kept_in_their_title() -> None:
    name = "AVeryLongNameOfAStateThatNobodyShouldHaveToReadInAPicture"
    states = {name: {"Type": "Pass", "End": True, "Comment": "but <here> it is"}}
    found = texts(drawn(definition={"StartAt": name, "States": states}))
    assert found[1].startswith(f"{name}: but <here> it isAVeryLongName")
    assert found[1].endswith("…")


ANSWERS = {"Pay": [{"error": "Lambda.Busy"}, {"error": "Broken"}]}


def test_an_execution_is_seen_in_its_states_edges_and_attempts(
    play: Callable[..., Execution],
) -> None:
    trace = trace_of(execution_data(play(PAY, {"a": 1}, ANSWERS)))
    root = drawn(trace)
    found = kinds(root)
    assert found["Pay"] == "task caught-here"
    assert found["Letter"] == "pass lost succeeded"
    assert found["Failed"] == "fail lost failed"
    assert found["Cool"] == "wait unvisited"
    assert "2 attempts2x" in texts(root)
    assert "Pay: FAILED" in texts(root)
    assert edges(root, "visited", "caught") == ["Broken or States.ALL"]
    assert "it visited Pay, Letter, Failed" in (root.findtext(f"{SVG}desc") or "")


def test_what_happened_in_branches_is_seen(play: Callable[..., Execution]) -> None:
    answers = {"Pay": [{"output": {"a": 0}}], "Ship": [{"output": {}}]}
    found = kinds(drawn(trace_of(execution_data(play(PAY, {"a": 1}, answers)))))
    assert found["Inner"] == "pass succeeded"


def test_something_else_than_an_execution_is_refused() -> None:
    with pytest.raises(InputError, match="this is no execution"):
        trace_of({"status": "FAILED"}, "run.json")
