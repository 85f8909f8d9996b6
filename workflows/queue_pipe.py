"""A pipe that starts an Express machine with a queue's messages and waits for what it answers.

The machine gets a list of `{"messageId", "message"}`, the message's JSON parsed, also of one
message. It answers with `batchItemFailures`: those messages, or all where it failed, come back when
they are visible again, and after some times go to the queue's dead-letter queue.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_pipes as pipes
from constructs import Construct

from workflows.machine import Machine
from workflows.queue import Queue

MESSAGE = '{"messageId": <$.messageId>, "message": <$.body>}'

MESSAGE_ID = "$states.context.Map.Item.Value.messageId"
MESSAGE_BODY = "$states.context.Map.Item.Value.message"


class QueuePipe(Construct):
    """`machine` runs once for up to `batch_size` messages; nothing waits for a batch to fill."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queue: Queue,
        machine: Machine,
        batch_size: int,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "pipes.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    # The pipe's own ARN would make the role depend on what depends on it.
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(
                            service="pipes", resource="pipe", resource_name="*"
                        )
                    },
                },
            ),
        )
        queue.grant(role, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        machine.grant_start_sync_execution(role)
        pipe = pipes.CfnPipe(
            self,
            "Pipe",
            role_arn=role.role_arn,
            source=queue.arn,
            source_parameters=pipes.CfnPipe.PipeSourceParametersProperty(
                sqs_queue_parameters=pipes.CfnPipe.PipeSourceSqsQueueParametersProperty(
                    batch_size=batch_size
                )
            ),
            target=machine.arn,
            target_parameters=pipes.CfnPipe.PipeTargetParametersProperty(
                input_template=MESSAGE,
                step_function_state_machine_parameters=(
                    pipes.CfnPipe.PipeTargetStateMachineParametersProperty(
                        invocation_type="REQUEST_RESPONSE"
                    )
                ),
            ),
        )
        # A pipe is not made before its role may do what it checks.
        pipe.node.add_dependency(role)
