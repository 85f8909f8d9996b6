"""A message that is not to be handled now: a one-time schedule puts it back on its queue later, and
is deleted when it has done so.

The schedule's name and ClientToken follow from message and time, so that a retry or a second
delivery makes no second one; it is made in a group of its own, by a role that may pass on only the
role that sends to the queues.
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.jsonata import jsonata
from workflows.retry_policy import SCHEDULER_SDK_FAULTS, TIME_OUTS, retry
from workflows.wildcards import acknowledge_wildcard

# The schedule is there already: another delivery of the message was faster.
ALREADY_PUT_OFF = "Scheduler.ConflictException"
TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(10))

# 32 characters of the notification, its channel's place, the seconds: of the 64 that a name has.
NAME = jsonata(
    """$message.notificationId & '-' & $string($count($message.tried)) & '-'
    & $string($toMillis($quietUntil & 'Z') / 1000)"""
)


class PutOff(Construct):
    """`task` makes the schedule: `$message` goes back to its channel's queue at `$quietUntil`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queues: Mapping[str, sqs.IQueue],
        lost_schedules: sqs.IQueue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        group = scheduler.ScheduleGroup(self, "Schedules", removal_policy=removal_policy)
        self.schedules = group
        self._role = iam.Role(
            self,
            "ScheduleRole",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": stack.account,
                        "aws:SourceArn": group.schedule_group_arn,
                    }
                },
            ),
        )
        for queue in (*queues.values(), lost_schedules):
            queue.grant(self._role, "sqs:SendMessage")
        arns = ", ".join(f"'{name}': '{queue.queue_arn}'" for name, queue in queues.items())
        self._schedule_arns = stack.format_arn(
            service="scheduler", resource="schedule", resource_name=f"{group.schedule_group_name}/*"
        )
        self.task = tasks.CallAwsService.jsonata(
            scope,
            construct_id + "Message",
            service="scheduler",
            action="createSchedule",
            iam_action="scheduler:CreateSchedule",
            iam_resources=[self._schedule_arns],
            parameters={
                "GroupName": group.schedule_group_name,
                "Name": NAME,
                "ClientToken": NAME,
                "ScheduleExpression": jsonata("'at(' & $quietUntil & ')'"),
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ActionAfterCompletion": "DELETE",
                "Target": {
                    "Arn": jsonata(f"$lookup({{{arns}}}, $message.channel)"),
                    "RoleArn": self._role.role_arn,
                    "Input": jsonata("$string($message)"),
                    "DeadLetterConfig": {"Arn": lost_schedules.queue_arn},
                },
            },
            task_timeout=TIME_OUT,
        )
        retry(self.task, SCHEDULER_SDK_FAULTS, TIME_OUTS)

    def already_done(self, then: sfn.State) -> None:
        """Where to go when the schedule is there already. Before any other Catcher."""
        self.task.add_catch(then, errors=[ALREADY_PUT_OFF])

    def grant_to(self, role: iam.IRole) -> None:
        """Handing the schedule's role to EventBridge Scheduler, and to nobody else."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self._role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            )
        )
        acknowledge_wildcard(role, self._schedule_arns, "A schedule is named after its message.")
