"""Messages of a queue reach the function of its event source mapping."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.queues import SqsMapping, mappings, refused_mappings

from .conftest import NOW_MS, QUEUE_ARN, QUEUE_URL, REGION, Functions, make_app, queue, resource

Start = Callable[..., Aws]
Host = Callable[..., FunctionHost]
URL = QUEUE_URL + "q"


def mapping(**more: Any) -> SqsMapping:
    return SqsMapping("f", URL, QUEUE_ARN + "q", **more)


def left(aws: Aws, at_ms: int) -> list[str]:
    """The bodies in the queue at a time, all visible."""
    aws.move_to(at_ms)
    received = aws.client("sqs").receive_message(QueueUrl=URL, MaxNumberOfMessages=10)
    return [message["Body"] for message in received.get("Messages", [])]


def send(aws: Aws, *bodies: str) -> None:
    for body in bodies:
        aws.client("sqs").send_message(QueueUrl=URL, MessageBody=body)


def test_the_function_gets_the_event_that_lambda_makes(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "import json\ndef handler(event, context):\n    print(json.dumps(event))")
    made = host()
    aws = started(queue("q"), functions=made)
    events: list[Json] = []
    made.observe(lambda name, answer: events.append(answer.log))
    sent = aws.client("sqs").send_message(
        QueueUrl=URL,
        MessageBody="hello",
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "order"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00"},
        },
    )
    assert mapping().poll(aws, made, NOW_MS) is None
    [record] = json.loads(events[0])["Records"]
    assert record.pop("receiptHandle")
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hello",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(NOW_MS),
            "SenderId": record["attributes"]["SenderId"],
            "ApproximateFirstReceiveTimestamp": str(NOW_MS),
        },
        "messageAttributes": {
            "kind": {
                "stringValue": "order",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "raw": {
                "binaryValue": "AA==",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN + "q",
        "awsRegion": REGION,
    }


def test_messages_that_the_function_took_are_gone(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context):\n    return len(event['Records'])")
    made = host()
    aws = started(queue("q", VisibilityTimeout=30), functions=made)
    send(aws, "a", "b")
    assert mapping().poll(aws, made, NOW_MS) is None
    assert left(aws, NOW_MS + 60_000) == []


def test_a_full_batch_asks_to_be_polled_again_at_once(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context): ...")
    made = host()
    aws = started(queue("q"), functions=made)
    send(aws, "a", "b", "c")
    two = mapping(batch_size=2)
    assert [two.poll(aws, made, NOW_MS) for _ in range(3)] == [NOW_MS, None, None]


def test_a_batch_may_be_larger_than_one_receive(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context):\n    return len(event['Records'])")
    made = host()
    sizes: list[Json] = []
    made.observe(lambda name, answer: sizes.append(answer.payload))
    aws = started(queue("q"), functions=made)
    send(aws, *map(str, range(12)))
    mapping(batch_size=20).poll(aws, made, NOW_MS)
    assert sizes == [12]


def test_a_failed_batch_comes_back_and_ends_in_the_dead_letter_queue(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context):\n    raise ValueError('no')")
    made = host()
    policy = {"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": 2}
    aws = started(
        queue("q", VisibilityTimeout=30, RedrivePolicy=policy), queue("dead"), functions=made
    )
    send(aws, "a")
    times, at_ms = [], NOW_MS
    while (again_ms := mapping().poll(aws, made, at_ms)) is not None:
        at_ms = again_ms
        times.append(at_ms - NOW_MS)
    assert times == [30_000, 60_000]
    dead = aws.client("sqs").receive_message(QueueUrl=QUEUE_URL + "dead")["Messages"]
    assert [message["Body"] for message in dead] == ["a"]


def test_messages_of_a_throttled_function_come_back(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context): ...")
    made = host()
    aws = started(queue("q", VisibilityTimeout=45), functions=made)
    aws.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    send(aws, "a")
    assert mapping().poll(aws, made, NOW_MS) == NOW_MS + 45_000
    assert left(aws, NOW_MS + 45_000) == ["a"]


def test_a_message_that_was_given_back_is_visible_at_once(started: Start) -> None:
    aws = started(queue("q", VisibilityTimeout=30))
    send(aws, "a")
    client = aws.client("sqs")
    for days in range(2):
        aws.move_to(NOW_MS + days * 86_400_000)
        [message] = client.receive_message(QueueUrl=QUEUE_URL + "q")["Messages"]
        assert "Messages" not in client.receive_message(QueueUrl=QUEUE_URL + "q")
        client.change_message_visibility(
            QueueUrl=QUEUE_URL + "q",
            ReceiptHandle=message["ReceiptHandle"],
            VisibilityTimeout=0,
        )


def test_the_visibility_of_an_unknown_receipt_cannot_be_changed(started: Start) -> None:
    aws = started(queue("q"))
    send(aws, "a")
    with pytest.raises(ClientError, match="receipt handle"):
        aws.client("sqs").change_message_visibility(
            QueueUrl=QUEUE_URL + "q", ReceiptHandle="unknown", VisibilityTimeout=0
        )


REPORTS = [
    ("[f['messageId'] for f in r if f['body'] == 'b']", ["b"]),
    ("[]", []),
    ("['unknown']", ["a", "b"]),
    ("['']", ["a", "b"]),
    ("[None]", ["a", "b"]),
]


@pytest.mark.parametrize(("failed", "stay"), REPORTS)
def test_reported_failures_stay_in_the_queue(
    started: Start, functions: Functions, host: Host, failed: str, stay: list[str]
) -> None:
    functions.add(
        "f",
        "def handler(event, context):\n"
        "    r = event['Records']\n"
        f"    failed = {failed}\n"
        "    return {'batchItemFailures': [{'itemIdentifier': one} for one in failed]}",
    )
    made = host()
    aws = started(queue("q", VisibilityTimeout=30), functions=made)
    send(aws, "a", "b")
    again_ms = mapping(report_batch_item_failures=True).poll(aws, made, NOW_MS)
    assert again_ms == (NOW_MS + 30_000 if stay else None)
    assert sorted(left(aws, NOW_MS + 60_000)) == stay


@pytest.mark.parametrize(("answer", "stay"), [("None", []), ("{}", []), ("'done'", ["a"])])
def test_an_answer_without_a_report_is_success_only_where_it_is_empty(
    started: Start, functions: Functions, host: Host, answer: str, stay: list[str]
) -> None:
    functions.add("f", f"def handler(event, context):\n    return {answer}")
    made = host()
    aws = started(queue("q", VisibilityTimeout=30), functions=made)
    send(aws, "a")
    mapping(report_batch_item_failures=True).poll(aws, made, NOW_MS)
    assert left(aws, NOW_MS + 60_000) == stay


def source(logical_id: str, **properties: Any) -> Any:
    return resource("AWS::Lambda::EventSourceMapping", logical_id, FunctionName="f", **properties)


def test_the_apps_mappings_are_read_from_its_resources() -> None:
    app = make_app(
        queue("q"),
        source("plain", EventSourceArn=QUEUE_ARN + "q"),
        source(
            "full",
            EventSourceArn=QUEUE_ARN + "q",
            BatchSize="5",
            FunctionResponseTypes=["ReportBatchItemFailures"],
        ),
        source("off", EventSourceArn=QUEUE_ARN + "q", Enabled=False),
    )
    assert mappings(app) == [
        mapping(),
        mapping(batch_size=5, report_batch_item_failures=True),
    ]
    assert refused_mappings(app) == []


def test_other_sources_are_refused_by_name() -> None:
    stream = f"arn:aws:dynamodb:{REGION}:1:table/t/stream/s"
    app = make_app(
        queue("q"),
        source("stream", EventSourceArn=stream),
        source("foreign", EventSourceArn=QUEUE_ARN + "other"),
        source("kafka", SelfManagedEventSource={}),
        source("filtered", EventSourceArn=QUEUE_ARN + "q", FilterCriteria={"Filters": []}),
    )
    assert mappings(app) == []
    assert {one.logical_id: reason for one, reason in refused_mappings(app)} == {
        "stream": "mappings of dynamodb are not simulated, only those of SQS queues",
        "foreign": f"the queue {QUEUE_ARN}other is not in this app",
        "kafka": "only mappings of SQS queues are simulated",
        "filtered": "mappings with FilterCriteria are not simulated",
    }
