"""The sandbox's loop: a function that sends to the queue that triggers it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from lambdas.environment import HopsMax, QueueUrl
from lambdas.sandbox.environments import LoopEnvironment
from stacks.alarms import alarm_on_messages
from stacks.queues import source_queue
from workflows.function import SANDBOX_PACKAGE, ThinFunction

HOPS_MAX = 8
TIMEOUT_SECONDS = 10


class SandboxLoop(Construct):
    def __init__(
        self, scope: Construct, construct_id: str, *, removal_policy: cdk.RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        queue, dead = source_queue(
            self,
            "LoopQueue",
            consumer_timeout_seconds=TIMEOUT_SECONDS,
            removal_policy=removal_policy,
        )
        alarm_on_messages(dead)
        self.function = ThinFunction(
            self,
            "Loop",
            handler="lambdas.sandbox.loop.handler",
            environment=LoopEnvironment(
                loop_queue=QueueUrl(queue.url),
                loop_dead_letters=QueueUrl(dead.url),
                loop_hops_max=HopsMax(str(HOPS_MAX)),
            ),
            package=SANDBOX_PACKAGE,
            timeout_seconds=TIMEOUT_SECONDS,
            removal_policy=removal_policy,
        )
        queue.grant(self.function.function, "sqs:SendMessage")
        dead.grant(self.function.function, "sqs:SendMessage")
        self.function.function.add_event_source(
            event_sources.SqsEventSource(queue, report_batch_item_failures=True)
        )
        resource = self.function.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        # What stops it here is the hop count or the cost guard, and not Lambda after 16 rounds.
        resource.add_property_override("RecursiveLoop", "Allow")
