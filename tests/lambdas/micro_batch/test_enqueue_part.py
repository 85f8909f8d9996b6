"""enqueue_part: parts that meet, and messages that are the same at every call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.micro_batch.errors import MessagesRefused
from lambdas.micro_batch.logic.enqueue_part import enqueue_part
from lambdas.micro_batch.payloads import EnqueuedPart, EnqueuePartEvent
from tests.lambdas.micro_batch.conftest import BUCKET, Aws


def part(aws: Aws, offset: int = 0, line: int = 0, part_lines: int = 10_000) -> EnqueuedPart:
    event = EnqueuePartEvent(
        executionArn="arn:run",
        jobId="a",
        bucket=BUCKET,
        key="jobs/a.jsonl",
        offset=offset,
        line=line,
    )
    return enqueue_part(aws.s3, aws.sqs, aws.environment.work_queue, event, part_lines)


def messages(aws: Aws) -> list[dict[str, Any]]:
    found = []
    while got := aws.sqs.receive_message(
        QueueUrl=aws.environment.work_queue, MaxNumberOfMessages=10
    ).get("Messages"):
        found += [json.loads(message["Body"]) for message in got]
    return sorted(found, key=lambda message: int(message["lines"][0]["line"]))


def test_parts_meet_at_the_byte_where_a_line_begins(aws: Aws) -> None:
    aws.put("jobs/a.jsonl", "".join(f'{{"companyId": "ü-{n}"}}\n' for n in range(25)))
    at, calls = EnqueuedPart(offset=0, line=0, done=False), 0
    while not at["done"]:
        at = part(aws, at["offset"], at["line"], part_lines=12)
        calls += 1
    assert (at["line"], calls) == (25, 3)
    sent = messages(aws)
    assert [message["part"] for message in sent] == [
        "a/1-10",
        "a/11-12",
        "a/13-22",
        "a/23-24",
        "a/25",
    ]
    lines = [line for message in sent for line in message["lines"]]
    assert lines == [{"line": n + 1, "company": {"companyId": f"ü-{n}"}} for n in range(25)]


def test_a_file_whose_length_is_a_multiple_of_the_part_ends_with_it(aws: Aws) -> None:
    aws.put("jobs/a.jsonl", '{"companyId": "c"}\n' * 4)
    first = part(aws, part_lines=2)
    assert not first["done"]
    assert part(aws, first["offset"], first["line"], part_lines=2)["done"]


def test_an_empty_file_is_done(aws: Aws) -> None:
    aws.put("jobs/a.jsonl", "")
    assert part(aws) == {"offset": 0, "line": 0, "done": True}
    assert aws.sent() == 0


def test_a_second_call_sends_the_same_messages(aws: Aws) -> None:
    aws.put("jobs/a.jsonl", '{"companyId": "c"}\n' * 3)
    assert part(aws) == part(aws)
    first, second = messages(aws)
    assert first == second


@pytest.mark.parametrize(
    "text", ["", "no json", "[1]", '{"id": 1}', f'{{"companyId": "{"x" * 999}"}}']
)
def test_a_line_without_an_id_goes_on_without_its_content(aws: Aws, text: str) -> None:
    aws.put("jobs/a.jsonl", f'{text}\n{{"companyId": "c"}}')
    part(aws)
    ((first, second),) = [message["lines"] for message in messages(aws)]
    assert (first, second["company"]) == ({"line": 1, "company": None}, {"companyId": "c"})


def test_what_the_queue_refuses_is_an_error(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.put("jobs/a.jsonl", '{"companyId": "c"}\n')
    refused = {"Failed": [{"Id": "0", "Message": "try later"}]}
    monkeypatch.setattr(aws.sqs, "send_message_batch", lambda **_: refused)
    with pytest.raises(MessagesRefused, match="try later"):
        part(aws)
