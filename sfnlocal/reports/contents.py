"""What is in the queues, tables, buckets and topics, read without taking anything away.

It asks as any client would. SQS counts each look at a message as a receive; the messages are
visible again afterwards, but a queue with a redrive policy moves a message that was looked at too
often, so look when the run is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from boto3.dynamodb.types import TypeDeserializer

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.reports.wording import cut, parsed
from sfnlocal.template import App, Resource

_LOOK_SECONDS = 600
_LINE_CHARS = 150
_SHOWN = 20


class Clients(Protocol):
    def client(self, service: str) -> Any: ...


class Running(Protocol):
    """The part of a Session that is needed here."""

    @property
    def app(self) -> App: ...
    @property
    def aws(self) -> Clients: ...


@dataclass(frozen=True, slots=True)
class QueueContents:
    """`messages` are the bodies of those that are visible, parsed where they are JSON."""

    name: str
    messages: list[Json]
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class TableContents:
    """Items as plain JSON; binary values and sets become text and lists."""

    name: str
    items: list[dict[str, Json]]


@dataclass(frozen=True, slots=True)
class BucketContents:
    """Bytes by object key."""

    name: str
    objects: dict[str, int]


@dataclass(frozen=True, slots=True)
class TopicContents:
    """A topic keeps nothing; these are its subscriptions, as `protocol endpoint`."""

    name: str
    subscriptions: list[str]


@dataclass(frozen=True, slots=True)
class Contents:
    """Each list in the template's order."""

    queues: list[QueueContents]
    tables: list[TableContents]
    buckets: list[BucketContents]
    topics: list[TopicContents]


def contents(session: Running) -> Contents:
    """Of every queue, table, bucket and topic of the app."""
    app = session.app
    return Contents(
        [_queue(session, queue) for queue in app.of_type("AWS::SQS::Queue")],
        [
            _table(session, table)
            for table in app.of_type("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
        ],
        [_bucket(session, bucket) for bucket in app.of_type("AWS::S3::Bucket")],
        [_topic(session, topic) for topic in app.of_type("AWS::SNS::Topic")],
    )


def _construct_id(resource: Resource) -> str:
    return resource.path.rpartition("/")[2]


def _queue(session: Running, queue: Resource) -> QueueContents:
    client, url = session.aws.client("sqs"), queue.name
    # Asked first: looking makes every message one in flight.
    names = ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    seen: list[dict[str, Any]] = []
    while batch := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_LOOK_SECONDS
    ).get("Messages"):
        seen += batch
    for message in seen:
        client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    messages = [parsed(message["Body"]) for message in seen]
    in_flight, delayed = (int(counts[name]) for name in names)
    return QueueContents(_construct_id(queue), messages, in_flight, delayed)


def _table(session: Running, table: Resource) -> TableContents:
    deserialize = TypeDeserializer().deserialize
    pages = session.aws.client("dynamodb").get_paginator("scan").paginate(TableName=table.name)
    items = [
        {key: _plain(deserialize(value)) for key, value in item.items()}
        for page in pages
        for item in page["Items"]
    ]
    return TableContents(_construct_id(table), items)


def _plain(value: Any) -> Json:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case set():
            return sorted((_plain(item) for item in value), key=str)
        case None | bool() | str():
            return value
    return str(value)


def _bucket(session: Running, bucket: Resource) -> BucketContents:
    pages = session.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    objects = {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
    return BucketContents(_construct_id(bucket), objects)


def _topic(session: Running, topic: Resource) -> TopicContents:
    answer = session.aws.client("sns").list_subscriptions_by_topic(TopicArn=topic.arn)
    return TopicContents(
        _construct_id(topic),
        [f"{entry['Protocol']} {entry['Endpoint']}" for entry in answer["Subscriptions"]],
    )


def render_contents(found: Contents) -> str:
    """As text; what is empty is named in one line at the end."""
    lines: list[str] = []
    empty: list[str] = []
    for title, name, entries in _sections(found):
        if entries:
            lines.append(f"{title} {name}: {len(entries)}")
            lines += [f"  {cut(entry, _LINE_CHARS)}" for entry in entries[:_SHOWN]]
            if len(entries) > _SHOWN:
                lines.append(f"  ... and {len(entries) - _SHOWN} more")
        else:
            empty.append(f"{title} {name}")
    if empty:
        lines.append(f"empty: {', '.join(empty)}")
    return "\n".join(lines)


def _sections(found: Contents) -> Iterator[tuple[str, str, list[str]]]:
    for queue in found.queues:
        entries = [json_text(message) for message in queue.messages]
        for count, what in ((queue.in_flight, "in flight"), (queue.delayed, "delayed")):
            entries += [f"{count} {what}, not shown"] if count else []
        yield "queue", queue.name, entries
    for table in found.tables:
        yield "table", table.name, [json_text(item) for item in table.items]
    for bucket in found.buckets:
        objects = [f"{key}  {size} bytes" for key, size in bucket.objects.items()]
        yield "bucket", bucket.name, objects
    for topic in found.topics:
        yield "topic", topic.name, [f"-> {text}" for text in topic.subscriptions]
