"""Queues in a session, without boto3: calls by operation, and virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.template.resources import Resource
from tests.sfnlocal.services.conftest import QUEUE_ARN, QUEUE_URL, make_app, queue


class World:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.queues = session.aws.queues

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.session.aws.call("sqs", operation, params)

    def create(self, name: str, **attributes: str) -> str:
        """A queue's URL."""
        url: str = self.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def send(self, name: str, body: str, **more: Any) -> dict[str, Any]:
        return self.call("SendMessage", QueueUrl=QUEUE_URL + name, MessageBody=body, **more)

    def receive(self, name: str, **more: Any) -> list[dict[str, Any]]:
        params = {"MaxNumberOfMessages": 10, **more}
        found: list[dict[str, Any]] = self.call(
            "ReceiveMessage", QueueUrl=QUEUE_URL + name, **params
        ).get("Messages", [])
        return found

    def bodies(self, name: str, **more: Any) -> list[str]:
        return [message["Body"] for message in self.receive(name, **more)]

    def delete(self, name: str, message: dict[str, Any]) -> None:
        handle = message["ReceiptHandle"]
        self.call("DeleteMessage", QueueUrl=QUEUE_URL + name, ReceiptHandle=handle)

    def hide(self, name: str, message: dict[str, Any], seconds: int) -> None:
        self.call(
            "ChangeMessageVisibility",
            QueueUrl=QUEUE_URL + name,
            ReceiptHandle=message["ReceiptHandle"],
            VisibilityTimeout=seconds,
        )

    def attributes(self, name: str, *names: str) -> dict[str, str]:
        answer = self.call(
            "GetQueueAttributes", QueueUrl=QUEUE_URL + name, AttributeNames=list(names) or ["All"]
        )
        found: dict[str, str] = answer.get("Attributes", {})
        return found

    def wait(self, seconds: float) -> None:
        self.session.advance(round(seconds * 1000))

    @staticmethod
    def arn(name: str) -> str:
        return QUEUE_ARN + name


Make = Callable[..., World]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes a world of the app's resources."""
    with ExitStack() as stack:

        def new(*resources: Resource, **options: Any) -> World:
            return World(stack.enter_context(Session(make_app(*resources), **options)))

        yield new


@pytest.fixture
def world(make: Make) -> World:
    """With the standard queue `q` and the FIFO queue `q.fifo`."""
    return make(queue("q"), queue("q.fifo", FifoQueue=True, ContentBasedDeduplication=True))
