"""The ways in which a notification goes out: each channel's provider and queue, and the Tasks that
choose among them by what the message and its recipient say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.notification.payloads import Channel, SendEvent
from workflows.durations import timeout
from workflows.function import ThinFunction
from workflows.jsonata import jsonata, value_of
from workflows.lambda_task import TASK_OUTLASTS_FUNCTION_SECONDS
from workflows.queue import Queue
from workflows.retry_policy import (
    IDEMPOTENCY_IN_PROGRESS,
    LAMBDA_FAULTS,
    SQS_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)

SEND_TIMEOUT_SECONDS = 15
TIME_OUT = timeout(10)

# A quarter of a minute: who has another channel is not kept waiting, who has none comes back.
PROVIDER_OUTAGE = RetryClass(
    ("ProviderUnavailable",), interval_seconds=1, max_attempts=4, max_delay_seconds=8
)


@dataclass(frozen=True, slots=True)
class ChannelPath:
    """A channel's queue, and the function of its provider."""

    queue: Queue
    provider: ThinFunction


def send_message(scope: Construct, channels: Mapping[Channel, ChannelPath]) -> sfn.CustomState:
    """Raw: the message says whose function it is."""
    functions = {channel: path.provider.arn for channel, path in channels.items()}
    send = sfn.CustomState(
        scope,
        "Send",
        state_json={
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {
                "FunctionName": chosen(functions, "$message.channel"),
                "Payload": dict(
                    SendEvent(
                        notificationId=value_of("$message.notificationId"),
                        channel=value_of("$message.channel"),
                        address=value_of("$recipient.address"),
                        subject=value_of("$message.subject"),
                        text=value_of("$message.text"),
                    )
                ),
            },
            "TimeoutSeconds": SEND_TIMEOUT_SECONDS + TASK_OUTLASTS_FUNCTION_SECONDS,
        },
    )
    retry(send, LAMBDA_FAULTS, TIME_OUTS, PROVIDER_OUTAGE, IDEMPOTENCY_IN_PROGRESS)
    return send


def fall_back_task(
    scope: Construct, channels: Mapping[Channel, ChannelPath]
) -> tasks.CallAwsService:
    """The message, on its way by the recipient's next channel."""
    task = tasks.CallAwsService.jsonata(
        scope,
        "FallBack",
        service="sqs",
        action="sendMessage",
        iam_action="sqs:SendMessage",
        iam_resources=[path.queue.arn for path in channels.values()],
        parameters={
            "QueueUrl": chosen(
                {channel: path.queue.url for channel, path in channels.items()},
                "$recipient.next",
            ),
            "MessageBody": jsonata(
                """$string($merge([$message, {
                'channel': $recipient.next, 'tried': $recipient.tried
                }]))"""
            ),
        },
        task_timeout=TIME_OUT,
        assign={"outcome": "fell back"},
    )
    retry(task, SQS_SDK_FAULTS, TIME_OUTS)
    return task


def chosen(values: Mapping[Channel, str], channel: str) -> str:
    """JSONata: the value of the channel that an expression names."""
    pairs = ", ".join(f"'{name}': '{value}'" for name, value in values.items())
    return jsonata(f"$lookup({{{pairs}}}, {channel})")
