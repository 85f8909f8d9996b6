"""Actors: they take a queue's messages in a test, in the place of its mapping or pipe.

An actor plays the outside world: a warehouse that answers task tokens, a customer who never does.
Nobody polls; a queue is read when a message becomes visible in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from sfnlocal.ports import Json
from sfnlocal.template import find_resource

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session

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

    def add_actor(self, queue: str, actor: Actor) -> None:
        """`queue` is any name of a queue: URL, ARN, physical name, logical id or construct id."""
        resource = find_resource(self._session.app, queue, "AWS::SQS::Queue")
        url, arn = resource.name, resource.arn
        if url not in self._actors:
            self._session.aws.queues.on_visible(arn, lambda: self._read(url))
            self._session.triggers.stand_aside(arn)
        self._actors[url] = actor

    def queue_url(self, queue: str) -> str:
        return find_resource(self._session.app, queue, "AWS::SQS::Queue").name

    def _read(self, url: str) -> None:
        aws = self._session.aws
        wanted = {
            "QueueUrl": url,
            "MaxNumberOfMessages": _RECEIVE_MESSAGES_MAX,
            "WaitTimeSeconds": 0,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        received = aws.call("sqs", "ReceiveMessage", wanted).get("Messages") or []
        for message in received:
            handle = message["ReceiptHandle"]
            aws.call("sqs", "DeleteMessage", {"QueueUrl": url, "ReceiptHandle": handle})
            self._actors[url](_message(url, message))
        if len(received) == _RECEIVE_MESSAGES_MAX:
            self._session.at(self._session.now_ms, lambda: self._read(url))


def _message(url: str, received: dict[str, Any]) -> Message:
    text = received["Body"]
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    attributes = {**received.get("Attributes", {}), **received.get("MessageAttributes", {})}
    return Message(body, text, received["MessageId"], url, attributes)
