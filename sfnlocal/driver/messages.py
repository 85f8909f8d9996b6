"""Queues that somebody listens to: event source mappings of the template, and actors.

An actor plays the outside world in a test: a warehouse that answers task tokens, a customer who
never does. Nobody polls; a queue is read when a message becomes visible in it: after a send, after
its delay, or when a failed delivery's visibility time-out ends. An actor on a queue takes the
place of its mapping.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from sfnlocal.ports import Json
from sfnlocal.services.queues import SqsMapping, mappings
from sfnlocal.template import find_resource

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session

_SENDS = frozenset({"SendMessage", "SendMessageBatch"})
_RECEIVE_MESSAGES_MAX = 10


@dataclass(frozen=True, slots=True)
class Message:
    """A message as an actor gets it; `body` is parsed where it is JSON."""

    body: Json
    text: str
    message_id: str
    queue_url: str
    attributes: dict[str, Any] = field(default_factory=dict)


Actor: TypeAlias = Callable[[Message], None]


class MessagePump:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._actors: dict[str, Actor] = {}
        self._mappings: dict[str, SqsMapping] = {}

    def start(self) -> None:
        self._mappings = {mapping.queue_url: mapping for mapping in mappings(self._session.app)}
        self._session.aws.observe(self._called)

    def add_actor(self, queue: str, actor: Actor) -> None:
        """`queue` is any name of a queue: URL, ARN, physical name, logical id or construct id."""
        self._actors[self.queue_url(queue)] = actor

    def queue_url(self, queue: str) -> str:
        return find_resource(self._session.app, queue, "AWS::SQS::Queue").name

    def _called(self, service: str, operation: str, params: dict[str, Any], response: Any) -> None:
        if service != "sqs" or operation not in _SENDS:
            return
        url = params["QueueUrl"]
        if url in self._actors or url in self._mappings:
            entries = params.get("Entries", [params])
            delays = {int(entry.get("DelaySeconds", self._queue_delay(url))) for entry in entries}
            for delay_seconds in sorted(delays):
                self._read_at(url, self._session.aws.now_ms + delay_seconds * 1000)

    def _queue_delay(self, url: str) -> int:
        for resource in self._session.app.of_type("AWS::SQS::Queue"):
            if resource.name == url:
                return int(resource.properties.get("DelaySeconds", 0))
        return 0

    def _read_at(self, url: str, at_ms: int) -> None:
        self._session.at(at_ms, lambda: self._read(url))

    def _read(self, url: str) -> None:
        actor = self._actors.get(url)
        if actor is not None:
            self._deliver(url, actor)
            return
        session = self._session
        again_ms = self._mappings[url].poll(session.aws, session.functions, session.now_ms)
        if again_ms is not None:
            self._read_at(url, again_ms)

    def _deliver(self, url: str, actor: Actor) -> None:
        client = self._session.aws.client("sqs")
        received = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_RECEIVE_MESSAGES_MAX,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        for message in received:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            actor(_message(url, message))
        if len(received) == _RECEIVE_MESSAGES_MAX:
            self._read_at(url, self._session.now_ms)


def _message(url: str, received: dict[str, Any]) -> Message:
    text = received["Body"]
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    attributes = {**received.get("Attributes", {}), **received.get("MessageAttributes", {})}
    return Message(body, text, received["MessageId"], url, attributes)
