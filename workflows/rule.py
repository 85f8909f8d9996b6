"""A rule that starts a state machine for events: its role, which may do nothing else, and the queue
for what it could not deliver."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from workflows.machine import Machine
from workflows.queue import Queue


def rule_role(scope: Construct) -> iam.Role:
    stack = cdk.Stack.of(scope)
    return iam.Role(
        scope,
        "RuleRole",
        assumed_by=iam.ServicePrincipal(
            "events.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                # The rule's own ARN would make the role depend on the rule that needs it.
                "ArnLike": {
                    "aws:SourceArn": stack.format_arn(
                        service="events", resource="rule", resource_name="*"
                    )
                },
            },
        ),
    )


def start_on_events(
    scope: Construct,
    construct_id: str,
    *,
    machine: Machine,
    description: str,
    pattern: events.EventPattern,
    machine_input: events.RuleTargetInput | None = None,
    lost_events: Queue,
    role: iam.IRole | None = None,
) -> events.Rule:
    """Without a `machine_input` the machine gets the whole event; without a `role`, one is made in
    the scope."""
    return events.Rule(
        scope,
        construct_id,
        description=description,
        event_pattern=pattern,
        targets=[
            targets.SfnStateMachine(
                machine,
                role=role or rule_role(scope),
                dead_letter_queue=lost_events,
                input=machine_input,
            )
        ],
    )
