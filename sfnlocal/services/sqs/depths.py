"""How many messages queues hold, and how old the oldest is, for CloudWatch.

AWS samples a queue each minute while it is active: while it holds messages, and six hours longer.
Here the metrics note what they change to, and are sampled when somebody looks.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sfnlocal.services.metrics import Metric
from sfnlocal.services.sqs.queue import Queue

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

_ACTIVE_MS = 6 * 3_600_000
_COUNTS = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_AGE = "ApproximateAgeOfOldestMessage"


@dataclass(slots=True)
class _Noted:
    """What a queue's metrics say."""

    metrics: tuple[Metric, ...]
    counts: tuple[int, ...] = (-1, -1, -1)
    oldest_ms: int | None = -1


class Depths:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._noted: dict[Queue, _Noted] = {}
        self._looked_at_ms: dict[Queue, int] = {}

    def changed(self, queue: Queue) -> None:
        """After each operation on its messages."""
        noted = self._noted.get(queue)
        if noted is None:
            noted = self._noted[queue] = _Noted(self._metrics(queue))
        counts, oldest_ms = (queue.visible, queue.in_flight, queue.delayed), queue.oldest_ms()
        if counts == noted.counts and oldest_ms == noted.oldest_ms:
            return
        now_ms = self._aws.now_ms
        until_ms = None if queue.total else now_ms + _ACTIVE_MS
        # When it becomes empty, or has something again, all of them live for another time.
        everything = (oldest_ms is None) != (noted.oldest_ms is None) or noted.oldest_ms == -1
        for metric, count, before in zip(noted.metrics, counts, noted.counts, strict=False):
            if everything or count != before:
                metric.set(count, until_ms=until_ms)
        age = noted.metrics[-1]
        if oldest_ms is None:
            age.set(0, "Seconds", until_ms=until_ms)
        elif oldest_ms != noted.oldest_ms:
            age.set(max(0, now_ms - oldest_ms) / 1000, "Seconds", per_second=1)
        noted.counts, noted.oldest_ms = counts, oldest_ms
        if noted.metrics[0].listeners:
            self._look_at_hidden(queue)

    def _metrics(self, queue: Queue) -> tuple[Metric, ...]:
        return tuple(
            self._aws.metrics.metric("AWS/SQS", name, {"QueueName": queue.name})
            for name in (*_COUNTS, _AGE)
        )

    def _look_at_hidden(self, queue: Queue) -> None:
        """Who watches how many are visible hears of those that become so by themselves."""
        at_ms, looked_at_ms = queue.next_visible_ms(), self._looked_at_ms.get(queue)
        if at_ms is None or (looked_at_ms is not None and looked_at_ms <= at_ms):
            return
        self._looked_at_ms[queue] = at_ms
        wanted = partial(self._is_next, queue, at_ms)
        self._aws.at(at_ms, partial(self._look, queue), wanted, recurring=True)

    def _is_next(self, queue: Queue, at_ms: int) -> bool:
        return self._looked_at_ms.get(queue) == at_ms

    def _look(self, queue: Queue) -> None:
        self._looked_at_ms.pop(queue, None)
        queue.settle(self._aws.now_ms)
        self.changed(queue)
        self._look_at_hidden(queue)
