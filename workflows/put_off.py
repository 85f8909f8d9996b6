"""A message that is not to be handled now: a one-time schedule puts it back on its queue later, and
is deleted when it has done so.

The schedule's name follows from message and time, so that a retry or a second delivery makes no
second one (one_time_schedules.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.one_time_schedules import ALREADY_SCHEDULED, OneTimeSchedules
from workflows.queue import Queue

TIME_OUT = timeout(10)

# 32 characters of the notification, its channel's place, the seconds: of the 64 that a name has.
NAME = """$message.notificationId & '-' & $string($count($message.tried)) & '-'
    & $string($toMillis($quietUntil & 'Z') / 1000)"""


class PutOff(Construct):
    """`task` makes the schedule: `$message` goes back to its channel's queue at `$quietUntil`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queues: Mapping[str, Queue],
        lost_schedules: Queue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._one_time = OneTimeSchedules(
            self, lost_schedules=lost_schedules, time_out=TIME_OUT, removal_policy=removal_policy
        )
        self.schedules = self._one_time.group
        for queue in queues.values():
            queue.grant(self._one_time.role, "sqs:SendMessage")
        arns = ", ".join(f"'{name}': '{queue.arn}'" for name, queue in queues.items())
        self.task = self._one_time.create(
            scope,
            construct_id + "Message",
            name=NAME,
            at="$quietUntil",
            target_arn=jsonata(f"$lookup({{{arns}}}, $message.channel)"),
            target_input=jsonata("$string($message)"),
        )

    def already_done(self, then: sfn.State) -> None:
        """Where to go when another delivery of the message was faster. Before any other Catcher."""
        self.task.add_catch(then, errors=[ALREADY_SCHEDULED])

    def grant_to(self, role: iam.IRole) -> None:
        """Making such schedules."""
        self._one_time.grant_to(role, named_after="message")
