"""What SQS counts of its queues for CloudWatch.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from sfnlocal.services.metrics import Metric, Metrics
from sfnlocal.services.sqs.queue import Queue

_NAMESPACE = "AWS/SQS"


class Counts:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._kept: dict[tuple[str, str], Metric] = {}

    def sent(self, queue: Queue, message_bytes: int) -> None:
        self._metric(queue, "NumberOfMessagesSent").add(1)
        self._metric(queue, "SentMessageSize").add(message_bytes, "Bytes")

    def received(self, queue: Queue, messages: int) -> None:
        if messages:
            self._metric(queue, "NumberOfMessagesReceived").add(messages)
        else:
            self._metric(queue, "NumberOfEmptyReceives").add(1)

    def deleted(self, queue: Queue) -> None:
        self._metric(queue, "NumberOfMessagesDeleted").add(1)

    def _metric(self, queue: Queue, name: str) -> Metric:
        metric = self._kept.get((queue.name, name))
        if metric is None:
            metric = self._metrics.metric(_NAMESPACE, name, {"QueueName": queue.name})
            self._kept[queue.name, name] = metric
        return metric
