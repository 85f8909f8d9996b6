"""After a heal, what failed meanwhile is replayed: DeadLetters hears of it as an event, and brings
back the letters of the function that was healed."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.heal_tasks import HEALED_EVENT, SOURCE


class HealReplay(Construct):
    """`machine` is DeadLetters; what does not reach it goes to `lost_events`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machine: sfn.StateMachine,
        lost_events: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        role = iam.Role(
            self,
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
            self,
            "Healed",
            description=f"Functions that were healed, to {machine.node.id}",
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[HEALED_EVENT]),
            targets=[
                targets.SfnStateMachine(
                    machine,
                    role=role,
                    dead_letter_queue=lost_events,
                    input=events.RuleTargetInput.from_object(
                        {
                            "queue": events.EventField.from_path("$.detail.deadLetters"),
                            "action": "REPLAY",
                            "startedBy": events.EventField.from_path("$.detail.healedBy"),
                            "reason": events.EventField.from_path("$.detail.reason"),
                        }
                    ),
                )
            ],
        )
