"""take_batch: messages in order, in batches that SendMessageBatch and a state can take."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.report.errors import MessageTooLarge, ReportEmpty, ReportInvalid, ReportTooLarge
from lambdas.report.logic.take_batch import (
    BATCH_BYTES_MAX,
    BATCH_MESSAGES_MAX,
    BATCHES_MAX,
    message_bodies,
    split_into_batches,
)

Load = Callable[[str], ModuleType]
Take = Callable[..., dict[str, Any]]
ARN = "arn:aws:states:eu-west-1:123456789012:execution:Report:r-1"
LOCATION = {"bucket": "files", "key": "reports/r-1.json"}


@pytest.fixture
def deliver(tables: Any) -> Callable[[object], None]:
    """Puts what a provider delivers: an object as JSON, or bytes as they are."""
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=LOCATION["bucket"])

    def put(report: object) -> None:
        body = report if isinstance(report, bytes) else json.dumps(report).encode()
        s3.put_object(Bucket=LOCATION["bucket"], Key=LOCATION["key"], Body=body)

    return put


@pytest.fixture
def take(load: Load, context: object, deliver: Any) -> Take:
    module = load("report.take_batch")
    return lambda number=0: dict(
        module.handler(
            {"executionArn": ARN, "accountId": "a-1", "location": LOCATION, "number": number},
            context,
        )
    )


def a_report(messages: int) -> dict[str, Any]:
    return {"reportId": "r-1", "messages": [{"line": line} for line in range(messages)]}


def test_25_messages_are_3_batches(deliver: Any, take: Take) -> None:
    deliver(a_report(25))
    batches = [take(number) for number in range(3)]
    assert [len(batch["entries"]) for batch in batches] == [10, 10, 5]
    assert {(batch["batches"], batch["messages"]) for batch in batches} == {(3, 25)}
    bodies = [json.loads(entry["MessageBody"]) for b in batches for entry in b["entries"]]
    assert bodies == [
        {
            "messageId": f"r-1-{number}",
            "reportId": "r-1",
            "accountId": "a-1",
            "content": {"line": number},
        }
        for number in range(25)
    ]
    for batch in batches:
        ids = [entry["Id"] for entry in batch["entries"]]
        assert ids == [str(place) for place in range(len(ids))]


def test_a_batch_taken_twice_is_the_same(deliver: Any, take: Take) -> None:
    deliver(a_report(25))
    assert take(1) == take(1)


def test_an_empty_report_says_so(deliver: Any, take: Take) -> None:
    deliver(a_report(0))
    with pytest.raises(ReportEmpty):
        take()


@pytest.mark.parametrize(
    "report",
    [
        b"<html>",
        [],
        {"messages": []},
        {"reportId": "r-1", "messages": "none"},
        {"reportId": 1, "messages": []},
    ],
)
def test_what_is_no_report_is_refused(deliver: Any, take: Take, report: object) -> None:
    deliver(report)
    with pytest.raises(ReportInvalid):
        take()


def test_more_batches_than_a_history_holds_are_refused(deliver: Any, take: Take) -> None:
    deliver(a_report(BATCHES_MAX * BATCH_MESSAGES_MAX))
    assert take(BATCHES_MAX - 1)["batches"] == BATCHES_MAX
    deliver(a_report(BATCHES_MAX * BATCH_MESSAGES_MAX + 1))
    with pytest.raises(ReportTooLarge, match="1001 batches"):
        take()


def test_the_largest_message_fits_alone_and_one_byte_more_not_at_all() -> None:
    around = len(json.dumps([{"Id": "0", "MessageBody": ""}], separators=(",", ":")))
    largest = "x" * (BATCH_BYTES_MAX - around)
    assert [len(batch) for batch in split_into_batches(["x", largest, "x"])] == [1, 1, 1]
    with pytest.raises(MessageTooLarge, match="message 1 "):
        split_into_batches(["x", largest + "x"])


def test_any_text_becomes_ascii_and_comes_back() -> None:
    text = '\x00\x1f"\\ é 漢 🙂 \ud800'
    (body,) = message_bodies("a-1", {"reportId": "r-1", "messages": [text]})
    assert body.isascii()
    assert json.loads(body)["content"] == text


@given(st.lists(st.integers(0, 130_000).map(lambda n: '"' * (n // 2)), max_size=60))
def test_every_batch_keeps_both_limits_and_the_order(bodies: list[str]) -> None:
    batches = split_into_batches(bodies)
    assert [entry["MessageBody"] for batch in batches for entry in batch] == bodies
    for batch in batches:
        assert 1 <= len(batch) <= BATCH_MESSAGES_MAX
        assert len(json.dumps(batch, separators=(",", ":"))) <= BATCH_BYTES_MAX
    for batch, following in pairwise(batches):
        together = json.dumps([*batch, following[0]], separators=(",", ":"))
        assert len(batch) == BATCH_MESSAGES_MAX or len(together) > BATCH_BYTES_MAX
