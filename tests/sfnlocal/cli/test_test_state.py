"""`sfnlocal test-state`: one state of the app, with and without a mock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.cli import main


@pytest.fixture(autouse=True)
def in_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent / "app")


@pytest.mark.parametrize(
    ("arguments", "code", "answer"),
    [
        (
            ["Sorter", "Weigh", "--input", '{"grams": 2000}'],
            0,
            {"status": "SUCCEEDED", "output": {"grams": 2000}, "nextState": "TooHeavy"},
        ),
        (
            ["Sorter", "TooHeavy"],
            1,
            {"status": "FAILED", "error": "TooHeavy", "cause": "at most one kilogram"},
        ),
        (
            ["Sorter", "Label", "--inspect"],
            0,
            {
                "status": "SUCCEEDED",
                "output": {"kind": "letter"},
                "nextState": "Done",
                "inspectionData": {
                    "input": {},
                    "result": "letter",
                    "afterResultSelector": "letter",
                    "afterResultPath": {"kind": "letter"},
                },
            },
        ),
        (
            ["Greeting", "Greet", "--mock-result", '{"Payload": "hello"}'],
            0,
            {"status": "SUCCEEDED", "output": "hello"},
        ),
        (
            ["Greeting", "Greet", "--mock-error", "ShyError", "--cause", "shy", "--retries", "1"],
            1,
            {"status": "RETRIABLE", "error": "ShyError", "cause": "shy"},
        ),
        (
            ["Greeting", "Greet", "--mock-error", "ShyError", "--retries", "2"],
            0,
            {
                "status": "CAUGHT_ERROR",
                "error": "ShyError",
                "output": {"Error": "ShyError", "Cause": ""},
                "nextState": "Silence",
            },
        ),
    ],
)
def test_the_answer_is_printed(
    arguments: list[str], code: int, answer: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test-state", "--app", "template.yaml", *arguments]) == code
    assert json.loads(capsys.readouterr().out) == answer


def test_without_a_mock_the_apps_function_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    state = ["Greeting", "Greet", "--input", '{"name": "Ada"}']
    assert main(["test-state", "--app", "template.yaml", *state]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert (printed["status"], printed["error"]) == ("RETRIABLE", "ShyError")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Sorter", "Nowhere"], "State not found in definition"),
        (["Sorter", "Label", "--mock-error", "E"], "State type 'Pass' is not supported when"),
        (["Sorter", "Weigh", "--input", "{"], "--input: not JSON"),
    ],
)
def test_wrong_use_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test-state", "--app", "template.yaml", *arguments]) == 2
    assert told in capsys.readouterr().err
