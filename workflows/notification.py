"""The Notification machine: each message of a channel's queue is sent, put off, or handed to the
recipient's next channel. It never waits.

It is Express: short, frequent, and whatever it does may be done twice, since the log decides and
the providers' functions send once. Its net is the queue that a message came from: what fails for a
reason of ours, or finds every provider down, is named in `batchItemFailures`, comes back, and is a
dead letter of its channel in the end. One message never fails for another.
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.notification.payloads import Channel, FindQuietEndEvent
from lambdas.notification.states import DEFERRED, FAILED, PENDING, SENT, UNSUBSCRIBED
from workflows.function import ThinFunction
from workflows.jsonata import is_true, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.machine import express_machine
from workflows.notification_channels import ChannelPath, fall_back_task, send_message
from workflows.notification_log import TOO_LATE, record_state
from workflows.notification_recipient import read_recipient
from workflows.put_off import PutOff
from workflows.queue import Queue
from workflows.queue_pipe import MESSAGE_BODY, MESSAGE_ID

# Express executions end after five minutes, whatever this says.
MACHINE_TIME_OUT = cdk.Duration.seconds(290)


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
        lost_schedules: Queue,
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

        recipient = read_recipient(self, "ReadRecipient", recipients)
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

        send = send_message(self, channels)
        record_sent = record_state(
            self, "RecordSent", table=log, state=SENT, assign={"outcome": SENT}
        )

        what_is_left = sfn.Choice.jsonata(self, "WhatIsLeft")
        fall_back = fall_back_task(self, channels)
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
        # What has no id cannot be named as failed: the batch fails, and comes back whole.
        left_in_queue = sfn.Succeed.jsonata(
            self,
            "LeftInQueue",
            outputs={"itemIdentifier": jsonata(MESSAGE_ID)},
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
            recipient,
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
        story = record_pending.next(recipient).next(
            what_they_want.when(is_true("$recipient.optedOut"), record_unsubscribed.next(done))
            .when(
                is_true("$not($exists($recipient.address))"),
                what_is_left,
                assign={"refused": True},
            )
            .when(is_true("$exists($recipient.quietHours)"), find_quiet_end_task)
            .otherwise(send)
        )
        find_quiet_end_task.next(
            is_it_quiet.when(
                is_true("$type($quietUntil) = 'string'"),
                put_off.task.next(record_deferred).next(done),
            ).otherwise(send)
        )
        send.next(record_sent).next(done)
        what_is_left.when(is_true("$exists($recipient.next)"), fall_back.next(done)).when(
            is_true("$refused"), record_failed.next(done)
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
                    resources=[path.provider.arn],
                )
            )
