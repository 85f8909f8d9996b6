"""The Notification machine: each message of a channel's queue is sent, put off, or handed to the
recipient's next channel. It never waits.

It is Express: short, frequent, and whatever it does may be done twice, since the log decides and
the providers' functions send once. Its net is the queue that a message came from: what fails for a
reason of ours, or finds every provider down, is named in `batchItemFailures`, comes back, and is a
dead letter of its channel in the end. One message never fails for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.notification.payloads import Channel, FindQuietEndEvent, SendEvent
from lambdas.notification.states import DEFERRED, FAILED, PENDING, SENT, UNSUBSCRIBED
from workflows.function import ThinFunction
from workflows.jsonata import jsonata, value_of
from workflows.lambda_task import TASK_OUTLASTS_FUNCTION_SECONDS, lambda_task
from workflows.machine import express_machine
from workflows.notification_log import TOO_LATE, record_state, text
from workflows.put_off import PutOff
from workflows.queue_pipe import MESSAGE_BODY, MESSAGE_ID
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    IDEMPOTENCY_IN_PROGRESS,
    LAMBDA_FAULTS,
    SQS_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)

# Express executions end after five minutes, whatever this says.
MACHINE_TIME_OUT = cdk.Duration.seconds(290)
SEND_TIMEOUT_SECONDS = 15
TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(10))

# A quarter of a minute: who has another channel is not kept waiting, who has none comes back.
PROVIDER_OUTAGE = RetryClass(
    ("ProviderUnavailable",), interval_seconds=1, max_attempts=4, max_delay_seconds=8
)

RECIPIENT = jsonata(
    """(
    $item := $states.result.Item;
    $channels := $item.channels.L.M.{'channel': channel.S, 'address': address.S};
    $tried := $append($message.tried, $message.channel);
    $optedOut := $item.optedOut.SS;
    {
        'address': $channels[channel = $message.channel][0].address,
        'optedOut': $message.channel in $optedOut,
        'quietHours': $item.quietHours.M.{
            'zone': zone.S, 'start': start.S, 'end': end.S
        },
        'next': $channels[$not(channel in $tried) and $not(channel in $optedOut)][0].channel,
        'tried': [$tried]
    }
    )"""
)


@dataclass(frozen=True, slots=True)
class ChannelPath:
    """A channel's queue, and the function of its provider."""

    queue: sqs.IQueue
    provider: ThinFunction


class Notification(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        channels: Mapping[Channel, ChannelPath],
        find_quiet_end: ThinFunction,
        recipients: dynamodb.ITable,
        log: dynamodb.ITable,
        lost_schedules: sqs.IQueue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        queues = {channel: path.queue for channel, path in channels.items()}

        record_pending = record_state(
            self,
            "RecordPending",
            table=log,
            state=PENDING,
            takes_over=True,
            assign={"message": jsonata(MESSAGE_BODY)},
        )

        read_recipient = tasks.DynamoGetItem.jsonata(
            self,
            "ReadRecipient",
            table=recipients,
            key={"recipientId": text(jsonata("$message.recipientId"))},
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={"recipient": RECIPIENT},
        )
        retry(read_recipient, DYNAMODB_FAULTS, TIME_OUTS)

        what_they_want = sfn.Choice.jsonata(self, "WhatTheyWant")

        record_unsubscribed = record_state(
            self,
            "RecordUnsubscribed",
            table=log,
            state=UNSUBSCRIBED,
            assign={"outcome": UNSUBSCRIBED},
        )

        find_quiet_end_task = lambda_task(
            self,
            "FindQuietEnd",
            function=find_quiet_end,
            event=FindQuietEndEvent(
                notificationId=value_of("$message.notificationId"),
                zone=value_of("$recipient.quietHours.zone"),
                start=value_of("$recipient.quietHours.start"),
                end=value_of("$recipient.quietHours.end"),
            ),
            assign={"quietUntil": jsonata("$states.result.Payload.until")},
        )
        is_it_quiet = sfn.Choice.jsonata(self, "IsItQuiet")

        put_off = PutOff(
            self,
            "PutOff",
            queues={str(channel): queue for channel, queue in queues.items()},
            lost_schedules=lost_schedules,
            removal_policy=removal_policy,
        )
        record_deferred = record_state(
            self, "RecordDeferred", table=log, state=DEFERRED, assign={"outcome": DEFERRED}
        )

        send = self._send({channel: path.provider for channel, path in channels.items()})
        record_sent = record_state(
            self, "RecordSent", table=log, state=SENT, assign={"outcome": SENT}
        )

        what_is_left = sfn.Choice.jsonata(self, "WhatIsLeft")
        fall_back = self._fall_back(queues)
        record_failed = record_state(
            self, "RecordFailed", table=log, state=FAILED, assign={"outcome": FAILED}
        )

        done = sfn.Succeed.jsonata(
            self,
            "Done",
            outputs=jsonata(
                f"{{'notificationId': {MESSAGE_BODY}.notificationId, 'outcome': $outcome}}"
            ),
        )
        left_in_queue = sfn.Succeed.jsonata(
            self, "LeftInQueue", outputs=jsonata(f"{{'itemIdentifier': {MESSAGE_ID}}}")
        )

        # The message came again: whoever was faster has done what there was to do.
        for task in (
            record_pending,
            record_unsubscribed,
            record_deferred,
            record_sent,
            record_failed,
        ):
            task.add_catch(done, errors=[TOO_LATE], assign={"outcome": "duplicate"})
        put_off.already_done(record_deferred)
        # A provider that may have sent it leaves it to the next delivery, which its record answers:
        # by the next channel it would come a second time.
        send.add_catch(what_is_left, errors=["RecipientRefused"], assign={"refused": True})
        send.add_catch(what_is_left, errors=["ProviderUnavailable"], assign={"refused": False})
        every_task: tuple[sfn.TaskStateBase | sfn.CustomState, ...] = (
            record_pending,
            read_recipient,
            record_unsubscribed,
            find_quiet_end_task,
            put_off.task,
            record_deferred,
            send,
            record_sent,
            fall_back,
            record_failed,
        )
        for one in every_task:
            one.add_catch(left_in_queue)
        story = record_pending.next(read_recipient).next(
            what_they_want.when(condition("$recipient.optedOut"), record_unsubscribed.next(done))
            .when(
                condition("$not($exists($recipient.address))"),
                what_is_left,
                assign={"refused": True},
            )
            .when(condition("$exists($recipient.quietHours)"), find_quiet_end_task)
            .otherwise(send)
        )
        find_quiet_end_task.next(
            is_it_quiet.when(
                condition("$type($quietUntil) = 'string'"),
                put_off.task.next(record_deferred).next(done),
            ).otherwise(send)
        )
        send.next(record_sent).next(done)
        what_is_left.when(condition("$exists($recipient.next)"), fall_back.next(done)).when(
            condition("$refused"), record_failed.next(done)
        ).otherwise(left_in_queue)

        each_message = sfn.Map.jsonata(
            self,
            "EachMessage",
            outputs={
                "batchItemFailures": jsonata(
                    "[$states.result[$exists(itemIdentifier)].{'itemIdentifier': itemIdentifier}]"
                )
            },
        ).item_processor(story)

        self.machine = express_machine(
            self,
            construct_id,
            chain=each_message,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        self.schedules = put_off.schedules
        put_off.grant_to(self.machine.role)
        for path in channels.values():
            self.machine.add_to_role_policy(
                iam.PolicyStatement(
                    actions=["lambda:InvokeFunction"],
                    resources=[path.provider.function.function_arn],
                )
            )

    def _send(self, providers: Mapping[Channel, ThinFunction]) -> sfn.CustomState:
        """Raw: the message says whose function it is."""
        functions = {
            channel: provider.function.function_arn for channel, provider in providers.items()
        }
        send = sfn.CustomState(
            self,
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

    def _fall_back(self, queues: Mapping[Channel, sqs.IQueue]) -> tasks.CallAwsService:
        """The message, on its way by the recipient's next channel."""
        task = tasks.CallAwsService.jsonata(
            self,
            "FallBack",
            service="sqs",
            action="sendMessage",
            iam_action="sqs:SendMessage",
            iam_resources=[queue.queue_arn for queue in queues.values()],
            parameters={
                "QueueUrl": chosen(
                    {channel: queue.queue_url for channel, queue in queues.items()},
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


def condition(expression: str) -> sfn.Condition:
    return sfn.Condition.jsonata(jsonata(expression))
