"""The rule that starts a machine for each run that failed, timed out or was aborted.

Its events are best effort, and Express machines have none.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

FAILED_STATUSES = ("FAILED", "TIMED_OUT", "ABORTED")


def start_for_failed_runs(
    scope: Construct,
    machine: sfn.StateMachine,
    *,
    watched: Sequence[sfn.StateMachine],
    lost_events: sqs.IQueue,
) -> None:
    """`machine`, which must not be among the watched, gets the event's detail as its input."""
    stack = cdk.Stack.of(scope)
    role = iam.Role(
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
    events.Rule(
        scope,
        "FailedRuns",
        description=f"Runs that failed, timed out or were aborted, to {machine.node.id}",
        event_pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "status": list(FAILED_STATUSES),
                "stateMachineArn": [machine.state_machine_arn for machine in watched],
            },
        ),
        targets=[
            targets.SfnStateMachine(
                machine,
                role=role,
                dead_letter_queue=lost_events,
                input=events.RuleTargetInput.from_event_path("$.detail"),
            )
        ],
    )
