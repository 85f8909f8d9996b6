"""How many messages queues hold, and how old the oldest is, for CloudWatch.

AWS samples a queue each minute while it is active: while it holds messages, and six hours longer.
Here the metrics note what they change to, and are sampled when somebody looks.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sfnlocal.services.metrics import Metric
from sfnlocal.services.sqs.queue import Queue

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

_MINUTE_MS = 60_000
_ACTIVE_MS = 6 * 3_600_000
_COUNTS = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_AGE = "ApproximateAgeOfOldestMessage"


class _Known(NamedTuple):
    """What was noted last. `at_ms` is when all of it was."""

    metrics: tuple[Metric, ...]
    counts: tuple[int, ...]
    oldest_ms: int | None
    at_ms: int


class Depths:
    def __init__(self, aws: Aws, look_at: Callable[[Queue], None]) -> None:
        """`look_at` tells everybody who waits for a queue's messages, `changed` among them."""
        self._aws = aws
        self._look_at = look_at
        self._known: dict[Queue, _Known] = {}
        self._looked_at_ms: dict[Queue, int] = {}

    def changed(self, queue: Queue) -> None:
        """After each operation, which mostly changes one or two of the counts."""
        now_ms = self._aws.now_ms
        counts, oldest_ms = (queue.visible, queue.in_flight, queue.delayed), queue.oldest_ms()
        known = self._known.get(queue)
        if known is None:
            known = _Known(self._metrics_of(queue), (-1, -1, -1), -1, -_MINUTE_MS)
        # A queue that stays empty stays active longer.
        emptied = (oldest_ms is None) != (known.oldest_ms is None)
        all_anew = emptied or now_ms - known.at_ms >= _MINUTE_MS
        until_ms = None if oldest_ms is not None else now_ms + _ACTIVE_MS
        *counted, age = known.metrics
        for metric, count, before in zip(counted, counts, known.counts, strict=True):
            if count != before or all_anew:
                metric.set(count, at_ms=now_ms, until_ms=until_ms)
        if oldest_ms != known.oldest_ms or all_anew:
            old_ms = 0 if oldest_ms is None else max(0, now_ms - oldest_ms)
            grows = 0 if oldest_ms is None else 1
            age.set(old_ms / 1000, "Seconds", at_ms=now_ms, per_second=grows, until_ms=until_ms)
        noted_ms = now_ms if all_anew else known.at_ms
        self._known[queue] = _Known(known.metrics, counts, oldest_ms, noted_ms)
        if counted[0].listeners:
            self._look_at_hidden(queue)

    def _metrics_of(self, queue: Queue) -> tuple[Metric, ...]:
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
        self._look_at(queue)
        self._look_at_hidden(queue)
