"""SQS's operations by name, and what the rest of sfnlocal asks of queues (`Aws.queues`).

Parameters and answers are those of botocore's model `sqs`. ReceiveMessage may answer with a Future.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.sqs.counts import Counts
from sfnlocal.services.sqs.message import Message
from sfnlocal.services.sqs.move_tasks import MoveOperations
from sfnlocal.services.sqs.queue import Queue
from sfnlocal.services.sqs.queue_operations import QueueOperations
from sfnlocal.services.sqs.receiving import ReceiveOperations
from sfnlocal.services.sqs.registry import DeployedQueue, QueueRegistry
from sfnlocal.services.sqs.sending import SendOperations

if TYPE_CHECKING:
    from sfnlocal.services.aws import Answer, Aws


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue has. `oldest_age_ms` is 0 where it has none."""

    visible: int
    in_flight: int
    delayed: int
    oldest_age_ms: int


class Queues:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._registry = QueueRegistry(aws)
        counts = Counts(aws.metrics)
        self._operations: Mapping[str, Callable[[dict[str, Json]], Answer]] = {
            **QueueOperations(aws, self._registry).operations,
            **SendOperations(aws, self._registry, counts).operations,
            **ReceiveOperations(aws, self._registry, counts).operations,
            **MoveOperations(aws, self._registry).operations,
        }

    def begin(self, operation: str, params: dict[str, Json]) -> Answer:
        """Raises ApiError with SQS's code and words."""
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(
                f"sqs:{operation} is not simulated",
                hint=f"only {', '.join(sorted(self._operations))} are",
            )
        return answer(params)

    # For the rest of sfnlocal

    def on_visible(self, queue_arn: str, listener: Callable[[], None]) -> None:
        """Call `listener`, through the agenda, when there is something to receive: after a send,
        a delay, a visibility time-out, a redrive. The queue may come later, or again."""
        self._registry.listen(queue_arn, listener)

    def find(self, arn_or_url: str) -> Queue:
        """Raises ApiError."""
        if arn_or_url.startswith("arn:"):
            queue = self._registry.by_arn(arn_or_url)
            if queue is not None:
                return queue
        return self._registry.find(arn_or_url)

    def deploy(self, queues: Iterable[DeployedQueue]) -> None:
        """The template's. Who looks at metrics finds those of all of them."""
        self._registry.deploy(queues)
        self._aws.before_first_call("cloudwatch", self._registry.make_all)

    def deployed(self) -> tuple[DeployedQueue, ...]:
        """All that there are, for other sessions to begin with."""
        return tuple(DeployedQueue(one.name, one.settings, one.tags) for one in self._registry)

    def depth(self, arn_or_url: str) -> Depth:
        if self._registry.is_untouched(arn_or_url):
            return Depth(0, 0, 0, 0)
        queue, now_ms = self.find(arn_or_url), self._aws.now_ms
        queue.settle(now_ms)
        oldest_ms = queue.oldest_ms()
        age_ms = 0 if oldest_ms is None else max(0, now_ms - oldest_ms)
        return Depth(queue.visible, queue.in_flight, queue.delayed, age_ms)

    def peek(self, arn_or_url: str) -> list[Message]:
        """The messages that could be received now, which stay as they are."""
        if self._registry.is_untouched(arn_or_url):
            return []
        queue = self.find(arn_or_url)
        queue.settle(self._aws.now_ms)
        return list(queue.messages())
