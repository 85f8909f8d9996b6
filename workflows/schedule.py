"""A schedule that starts a state machine: its group, the role that may do nothing else, the queue
for what it could not deliver.

EventBridge Scheduler starts at least once, and cannot name the execution that it starts (its
scheduled time has colons, which names forbid): what is started has to stand a second start.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from workflows.machine import Machine
from workflows.queue import Queue

# The moment that the schedule names, also where a window or a retry starts the machine later.
SCHEDULED_TIME = scheduler.ContextAttribute.scheduled_time

RETRIES_MAX = 3


def schedule_machine(
    scope: Construct,
    construct_id: str,
    *,
    machine: Machine,
    expression: scheduler.ScheduleExpression,
    description: str,
    machine_input: dict[str, Any],
    lost_starts: Queue,
    max_event_age: cdk.Duration,
    time_window: scheduler.TimeWindow | None = None,
    enabled: bool = True,
    removal_policy: cdk.RemovalPolicy,
) -> scheduler.Schedule:
    """Starts that fail are tried again until they are older than `max_event_age`; then they go to
    `lost_starts`."""
    group = scheduler.ScheduleGroup(scope, "Schedules", removal_policy=removal_policy)
    role = iam.Role(
        scope,
        "ScheduleRole",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={
                "StringEquals": {
                    "aws:SourceAccount": cdk.Stack.of(scope).account,
                    "aws:SourceArn": group.schedule_group_arn,
                }
            },
        ),
    )
    return scheduler.Schedule(
        scope,
        construct_id,
        description=description,
        schedule=expression,
        schedule_group=group,
        time_window=time_window,
        enabled=enabled,
        target=targets.StepFunctionsStartExecution(
            machine,
            role=role,
            dead_letter_queue=lost_starts,
            retry_attempts=RETRIES_MAX,
            max_event_age=max_event_age,
            input=scheduler.ScheduleTargetInput.from_object(machine_input),
        ),
    )
