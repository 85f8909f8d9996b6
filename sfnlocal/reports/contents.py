"""What is in the queues, tables, buckets and topics, read without taking anything away.

It asks as any client would, and leaves messages visible. SQS counts each look as a receive, and a
queue with a redrive policy moves a message that was looked at too often: look when the run is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.reports.wording import cut, parsed
from sfnlocal.template import App, Resource, short_ids

_MESSAGES_SHOWN = 10
_LINE_CHARS = 150
_SHOWN = 10


class Clients(Protocol):
    # Of an SQS queue: `depth(url)` and `peek(url)`.
    queues: Any

    @property
    def tables(self) -> Any: ...
    def waits_for_first_call(self, service: str, params: dict[str, Json]) -> bool: ...
    def client(self, service: str) -> Any: ...
    def call(self, service: str, operation: str, params: dict[str, Json]) -> dict[str, Json]: ...


class Running(Protocol):
    """The part of a Session that is needed here."""

    @property
    def app(self) -> App: ...
    @property
    def aws(self) -> Clients: ...


@dataclass(frozen=True, slots=True)
class QueueContents:
    """`messages` are the bodies of the first ten that are visible, parsed where they are JSON."""

    name: str
    messages: list[Json]
    visible: int
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
    """Of every queue, table, bucket and topic of the app, by short construct ids."""
    return Contents(
        [_queue(session, *one) for one in _named(session, "AWS::SQS::Queue")],
        [
            _table(session, *one)
            for one in _named(session, "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
        ],
        [_bucket(session, *one) for one in _named(session, "AWS::S3::Bucket")],
        [_topic(session, *one) for one in _named(session, "AWS::SNS::Topic")],
    )


def _named(session: Running, *types: str) -> list[tuple[str, Resource]]:
    resources = session.app.of_type(*types)
    ids = short_ids(resources)
    return [(ids[resource.where], resource) for resource in resources]


def _queue(session: Running, name: str, queue: Resource) -> QueueContents:
    queues = session.aws.queues
    depth = queues.depth(queue.name)
    bodies = [parsed(message.body) for message in queues.peek(queue.name)[:_MESSAGES_SHOWN]]
    return QueueContents(name, bodies, depth.visible, depth.in_flight, depth.delayed)


def _table(session: Running, name: str, table: Resource) -> TableContents:
    # Loaded where there is a table: boto3 is loaded then.
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    items = [
        {key: _plain(deserialize(value)) for key, value in item.items()}
        for item in session.aws.tables.items(table.name)
    ]
    return TableContents(name, items)


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


def _bucket(session: Running, name: str, bucket: Resource) -> BucketContents:
    if session.aws.waits_for_first_call("s3", {"Bucket": bucket.name}):
        # Nobody has put anything there, and what would say so takes long to load.
        return BucketContents(name, {})
    pages = session.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    objects = {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
    return BucketContents(name, objects)


def _topic(session: Running, name: str, topic: Resource) -> TopicContents:
    answer = session.aws.call("sns", "ListSubscriptionsByTopic", {"TopicArn": topic.arn})
    return TopicContents(
        name,
        [f"{entry['Protocol']} {entry['Endpoint']}" for entry in answer["Subscriptions"]],
    )


def render_contents(found: Contents) -> str:
    """As text; what is empty is named in one line at the end."""
    lines: list[str] = []
    empty: list[str] = []
    for section in _sections(found):
        if not section.counted:
            empty.append(section.name)
            continue
        lines.append(f"{section.name}: {section.counted}")
        lines += [f"  {cut(entry, _LINE_CHARS)}" for entry in section.entries[:_SHOWN]]
        if section.total > _SHOWN:
            lines.append(f"  ... and {section.total - _SHOWN} more")
    if empty:
        lines.append(f"empty: {', '.join(empty)}")
    return "\n".join(lines)


class _Section(NamedTuple):
    """`counted` says what is in it and is empty where nothing is; `total` counts the entries,
    of which not all may be here."""

    name: str
    counted: str
    total: int
    entries: list[str]


def _sections(found: Contents) -> Iterator[_Section]:
    for queue in found.queues:
        counts = {
            "visible": queue.visible,
            "in flight": queue.in_flight,
            "delayed": queue.delayed,
        }
        counted = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        messages = [json_text(message) for message in queue.messages]
        yield _Section(f"queue {queue.name}", counted, queue.visible, messages)
    for table in found.tables:
        items = [json_text(item) for item in table.items]
        yield _section(f"table {table.name}", "item", items)
    for bucket in found.buckets:
        objects = [f"{key}: {size} bytes" for key, size in bucket.objects.items()]
        yield _section(f"bucket {bucket.name}", "object", objects)
    for topic in found.topics:
        subscriptions = [f"-> {text}" for text in topic.subscriptions]
        yield _section(f"topic {topic.name}", "subscription", subscriptions)


def _section(name: str, noun: str, entries: list[str]) -> _Section:
    count = len(entries)
    counted = f"{count} {noun}{'s' if count > 1 else ''}" if count else ""
    return _Section(name, counted, count, entries)
