"""What the messages of a dead-letter queue are, and how many fit a state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from lambdas.dead_letters.letter import LetterError
from lambdas.dead_letters.logic.receive_letters import PAGE_BYTES_MAX, describe, receive_letters
from lambdas.dead_letters.logic.start_replay import lost_input
from tests.lambdas.dead_letters.test_letter import LETTER

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:Order"
SOURCE = "arn:aws:sqs:eu-west-1:123456789012:invoices"


@pytest.fixture
def sqs() -> Iterator[SQSClient]:
    with mock_aws():
        yield boto3.client(
            "sqs", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )


@pytest.fixture
def queue(sqs: SQSClient) -> str:
    return sqs.create_queue(QueueName="letters")["QueueUrl"]


def message(body: object, **more: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "MessageId": "m-1",
        "ReceiptHandle": "r-1",
        "MD5OfBody": "d",
        "Body": text,
        "Attributes": {"SentTimestamp": "1767225600123", **more.pop("system", {})},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in more.items()
        },
    }


def event(queue: str, wanted: int = 10, *seen: str) -> Any:
    return {
        "executionArn": "arn",
        "queueUrl": queue,
        "wanted": wanted,
        "hiddenSeconds": 120,
        "maxTries": 3,
        "seen": list(seen),
    }


@pytest.mark.parametrize(
    ("cause", "group"),
    [
        ({"errorMessage": "order 4711 is too old\nTraceback"}, "(order # is too old)"),
        ("the task 7f3a-11 timed out", "(the task # timed out)"),
        (None, "Broken"),
    ],
)
def test_letters_of_one_cause_are_one_group(cause: object, group: str) -> None:
    letter = describe(message({**LETTER, "state": "Pay", "error": "Broken", "cause": cause}), 3)
    assert letter["kind"] == "LETTER"
    assert letter["cause"].startswith("Order, Pay: Broken")
    assert letter["cause"].endswith(group)
    assert letter["caught"]
    assert letter["sentAt"] == "2026-01-01T00:00:00.123+00:00"


@pytest.mark.parametrize(
    ("name", "replays"),
    [
        ("o-1", ["o-1-replay-1", "o-1-replay-2", "o-1-replay-3"]),
        ("o-1-replay-2", ["o-1-replay-3"]),
        ("o-1-replay-3", []),
    ],
)
def test_the_names_of_replays_are_those_that_are_left(name: str, replays: list[str]) -> None:
    letter = describe(message({**LETTER, "executionName": name}), 3)
    assert letter["replays"] == replays
    assert not letter["caught"]


def test_a_start_that_was_lost_is_named_after_its_message() -> None:
    letter = describe(message({"detail": {}}, TARGET_ARN=MACHINE, ERROR_CODE="THROTTLING"), 2)
    assert letter["kind"] == "LOST_START"
    assert letter["cause"] == "start of Order: THROTTLING"
    assert letter["replays"] == ["lost-m-1-replay-1", "lost-m-1-replay-2"]


def test_a_message_of_a_consumer_is_not_read() -> None:
    letter = describe(message(LETTER, system={"DeadLetterQueueSourceArn": SOURCE}), 3)
    assert (letter["kind"], letter["cause"]) == ("MESSAGE", "consumer of invoices")


def test_a_page_holds_what_a_state_can(sqs: SQSClient, queue: str) -> None:
    for number in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number) * (PAGE_BYTES_MAX // 2 - 5_000))
    first = receive_letters(sqs, event(queue))
    assert len(first) == 2
    # What did not fit is there at once.
    second = receive_letters(sqs, event(queue))
    assert len(second) == 1
    assert len({one["messageId"] for one in (*first, *second)}) == 3


def test_a_message_that_no_state_can_hold_is_told(sqs: SQSClient, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x" * (PAGE_BYTES_MAX + 1))
    [letter] = receive_letters(sqs, event(queue))
    assert (letter["kind"], letter["body"]) == ("UNKNOWN", "")
    assert "larger than" in letter["why"]


def test_what_was_seen_is_no_news(sqs: SQSClient, queue: str) -> None:
    seen = sqs.send_message(QueueUrl=queue, MessageBody="old")["MessageId"]
    assert receive_letters(sqs, event(queue, 10, seen)) == []


def test_a_lost_start_gets_what_it_should_have_got() -> None:
    assert lost_input('{"detail-type": "any", "detail": {"a": 1}}') == '{"a":1}'
    assert lost_input('{"lists": []}') == '{"lists": []}'
    with pytest.raises(LetterError, match="no JSON"):
        lost_input("none")
