"""Dead letters: what one must say, and the names of replays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.dead_letters.letter import LetterError, parse_letter, replay_name

ARN = "arn:aws:states:eu-west-1:123456789012:execution:Order:o-1"
LETTER = {
    "schemaVersion": 1,
    "executionArn": ARN,
    "executionName": "o-1",
    "stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:Order",
    "redriveCount": 0,
    "input": {"orderId": "o-1"},
}
EXPRESS = "arn:aws:states:eu-west-1:123456789012:express:Order:o-1:uuid"


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in LETTER.items() if name != field}


def test_a_letter_says_what_to_start() -> None:
    letter = parse_letter(json.dumps(LETTER))
    assert (letter.execution_arn, letter.execution_name, letter.redrive_count) == (ARN, "o-1", 0)
    assert letter.state_machine_arn == LETTER["stateMachineArn"]
    assert letter.content["input"] == {"orderId": "o-1"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not JSON", "it is no JSON: Expecting value"),
        ("[]", "it is no JSON object"),
        (json.dumps({**LETTER, "schemaVersion": 2}), "its schemaVersion is 2; replays read 1"),
        (json.dumps(without("schemaVersion")), "its schemaVersion is None"),
        (json.dumps(without("executionArn")), "its executionArn is missing or no text"),
        (json.dumps(without("executionName")), "its executionName is missing or no text"),
        (json.dumps({**LETTER, "stateMachineArn": 7}), "its stateMachineArn is missing or no text"),
        (json.dumps(without("redriveCount")), "its redriveCount is missing or no integer"),
        (json.dumps({**LETTER, "redriveCount": True}), "its redriveCount is missing or no integer"),
        (json.dumps(without("input")), "it has neither input nor inputLocation"),
        (json.dumps({**without("input"), "inputLocation": "s3"}), "neither input nor"),
        (json.dumps({**LETTER, "executionArn": EXPRESS}), "Express executions are not unique"),
    ],
)
def test_a_malformed_letter_says_what_is_wrong(body: str, reason: str) -> None:
    with pytest.raises(LetterError) as raised:
        parse_letter(body)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("name", "replay"),
    [
        ("o-1", "o-1-replay-1"),
        ("o-1-replay-1", "o-1-replay-2"),
        ("o-1-replay-9", "o-1-replay-10"),
        ("replay-1", "replay-1-replay-1"),
        ("o-1-replay-x", "o-1-replay-x-replay-1"),
    ],
)
def test_a_replay_is_named_after_the_failed_execution(name: str, replay: str) -> None:
    assert replay_name(name) == replay


def test_a_long_name_is_cut_and_stays_apart_from_others() -> None:
    names = {replay_name("a" * 75 + end) for end in ("bcdef", "ghijk")}
    assert len(names) == 2
    for name in names:
        assert len(name) == 80
        assert name.endswith("-replay-1")
        assert len(replay_name(name)) == 80


def test_a_name_that_just_fits_is_not_cut() -> None:
    assert replay_name("a" * 71) == "a" * 71 + "-replay-1"
