"""A function is registered when it is deployed: CloudFormation's events start KeepRegistry.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks-event-bridge.html
"""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from workflows.machine import Machine
from workflows.queue import Queue
from workflows.rule import start_on_events


def keep_when_deployed(
    scope: Construct,
    machine: Machine,
    *,
    stacks: Iterable[cdk.Stack],
    lost_starts: Queue,
) -> None:
    """Starts a run when one of the stacks has been created or updated."""
    stack = cdk.Stack.of(scope)
    start_on_events(
        scope,
        "Deployed",
        machine=machine,
        description="Stacks whose functions are in the registry were deployed",
        pattern=events.EventPattern(
            source=["aws.cloudformation"],
            detail_type=["CloudFormation Stack Status Change"],
            detail={
                "stack-id": [
                    {
                        "prefix": stack.format_arn(
                            service="cloudformation",
                            resource="stack",
                            resource_name=f"{one.stack_name}/",
                        )
                    }
                    for one in stacks
                ],
                "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
            },
        ),
        machine_input=events.RuleTargetInput.from_object({}),
        lost_events=lost_starts,
    )
