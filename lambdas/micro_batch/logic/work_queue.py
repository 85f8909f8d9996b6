"""Sends lines as messages of the work queue. A message may come twice, or be sent twice: its part
is recorded once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from lambdas.micro_batch.errors import MessagesRefused
from lambdas.micro_batch.payloads import Line, WorkMessage

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from lambdas.environment import QueueUrl

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
MESSAGES_PER_CALL_MAX = 10

Item = TypeVar("Item")


def work_message(job_id: str, lines: list[Line]) -> WorkMessage:
    first, last = lines[0]["line"], lines[-1]["line"]
    numbers = f"{first}" if first == last else f"{first}-{last}"
    return WorkMessage(jobId=job_id, part=f"{job_id}/{numbers}", lines=lines)


def send_messages(
    sqs: SQSClient, queue: QueueUrl, messages: Iterable[WorkMessage], *, delay_seconds: int = 0
) -> None:
    """MessagesRefused when SQS did not take all of them: send all of them again."""
    for batch in in_groups(messages, MESSAGES_PER_CALL_MAX):
        answer = sqs.send_message_batch(
            QueueUrl=queue,
            Entries=[
                {
                    "Id": str(place),
                    "MessageBody": json.dumps(message, separators=(",", ":")),
                    "DelaySeconds": delay_seconds,
                }
                for place, message in enumerate(batch)
            ],
        )
        if refused := answer.get("Failed"):
            raise MessagesRefused(f"{len(refused)} of {len(batch)}: {refused[0].get('Message')}")


def in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """`itertools.batched`, which Python 3.11 does not have."""
    left = iter(items)
    while group := list(islice(left, size)):
        yield group
