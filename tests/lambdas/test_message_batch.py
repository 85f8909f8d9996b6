"""A message that fails is reported, and the others are done."""

from __future__ import annotations

import pytest
from aws_lambda_powertools import Logger

from lambdas.message_batch import Message, MessageBatch, handle_each


def batch(*bodies: str) -> MessageBatch:
    return {
        "Records": [
            {
                "messageId": f"message-{n}",
                "body": body,
                "attributes": {"SentTimestamp": "1546300800000"},
                "messageAttributes": {},
            }
            for n, body in enumerate(bodies)
        ]
    }


def refuse_bad(message: Message) -> None:
    if message["body"] == "bad":
        raise ValueError("this one is bad")


@pytest.mark.parametrize(
    ("bodies", "failed"),
    [
        ([], []),
        (["good", "good"], []),
        (["good", "bad", "good"], ["message-1"]),
        (["bad", "bad"], ["message-0", "message-1"]),
    ],
)
def test_what_fails_is_reported_and_nothing_else(bodies: list[str], failed: list[str]) -> None:
    answer = handle_each(batch(*bodies), refuse_bad, Logger(service="test"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def test_the_messages_after_one_that_fails_are_handled() -> None:
    seen: list[str] = []

    def handle(message: Message) -> None:
        seen.append(message["messageId"])
        refuse_bad(message)

    handle_each(batch("bad", "good"), handle, Logger(service="test"))
    assert seen == ["message-0", "message-1"]


def test_the_log_names_what_failed_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    handle_each(batch("bad"), refuse_bad, Logger(service="test-message-batch"))
    logged = capsys.readouterr().out
    assert "message-0" in logged
    assert "this one is bad" in logged


def test_what_ends_the_process_is_not_a_failed_message() -> None:
    def die(message: Message) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        handle_each(batch("any"), die, Logger(service="test"))
