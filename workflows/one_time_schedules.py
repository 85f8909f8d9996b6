"""Schedules that do one thing once, and are deleted when they have done it: their group, and the
role as which they do it.

A schedule is named after what it is for, so that a retry or a second delivery makes no second one.
Whoever makes schedules may pass on this role to EventBridge Scheduler, and no other.
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.findings import acknowledge_wildcard
from workflows.jsonata import jsonata
from workflows.queue import Queue
from workflows.retry_policy import SCHEDULER_SDK_FAULTS, TIME_OUTS, retry

# A schedule of this name is there; there is none of this name.
ALREADY_SCHEDULED = "Scheduler.ConflictException"
NO_SCHEDULE = "Scheduler.ResourceNotFoundException"


class OneTimeSchedules:
    """Made in `scope` itself. What cannot be done goes to `lost_schedules`; what the schedules do,
    `role` must be granted."""

    def __init__(
        self,
        scope: Construct,
        *,
        lost_schedules: Queue,
        time_out: sfn.Timeout,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        stack = cdk.Stack.of(scope)
        self.group = scheduler.ScheduleGroup(scope, "Schedules", removal_policy=removal_policy)
        self.role = iam.Role(
            scope,
            "ScheduleRole",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": stack.account,
                        "aws:SourceArn": self.group.schedule_group_arn,
                    }
                },
            ),
        )
        lost_schedules.grant(self.role, "sqs:SendMessage")
        self._lost_schedules = lost_schedules
        self._time_out = time_out
        self._arns = stack.format_arn(
            service="scheduler",
            resource="schedule",
            resource_name=f"{self.group.schedule_group_name}/*",
        )

    def create(
        self,
        scope: Construct,
        state: str,
        *,
        name: str,
        at: str,
        target_arn: str,
        target_input: str,
    ) -> tasks.CallAwsService:
        """A Task; ALREADY_SCHEDULED where there is one of this name. `name` and `at`, such as
        `2026-01-31T08:00:00` in UTC, are JSONata expressions, target and input are values."""
        return self._call(
            scope,
            state,
            "createSchedule",
            name,
            {
                "ScheduleExpression": jsonata(f"'at(' & {at} & ')'"),
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ActionAfterCompletion": "DELETE",
                "Target": {
                    "Arn": target_arn,
                    "RoleArn": self.role.role_arn,
                    "Input": target_input,
                    "DeadLetterConfig": {"Arn": self._lost_schedules.arn},
                },
            },
        )

    def delete(self, scope: Construct, state: str, *, name: str) -> tasks.CallAwsService:
        """A Task; NO_SCHEDULE where there is none of this name."""
        return self._call(scope, state, "deleteSchedule", name, {})

    def grant_to(self, role: iam.IRole, *, named_after: str) -> None:
        """Handing the schedules' role to EventBridge Scheduler, and to nobody else."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            )
        )
        acknowledge_wildcard(role, self._arns, f"A schedule is named after its {named_after}.")

    def _call(
        self, scope: Construct, state: str, action: str, name: str, parameters: dict[str, Any]
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            scope,
            state,
            service="scheduler",
            action=action,
            iam_action=f"scheduler:{action[0].upper()}{action[1:]}",
            iam_resources=[self._arns],
            parameters={
                "GroupName": self.group.schedule_group_name,
                "Name": jsonata(name),
                "ClientToken": jsonata(name),
                **parameters,
            },
            task_timeout=self._time_out,
        )
        retry(task, SCHEDULER_SDK_FAULTS, TIME_OUTS)
        return task
