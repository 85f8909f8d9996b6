"""The completion queue: workers answer by a message, a function answers their tasks' tokens, and
what is no completion waits for a person with the reason. One for any number of machines."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from lambdas.completion.environments import CompleteTaskEnvironment
from lambdas.environment import QueueUrl
from stacks.alarms import alarm_on_backlog, alarm_on_messages
from stacks.queues import source_queue
from stacks.tables import table
from workflows.function import COMPLETION_PACKAGE, ThinFunction, table_name
from workflows.machine import Machine
from workflows.waiting_task import WaitingTasks

# Six time-outs between two receives: a completion that fails once is not too late for a heartbeat
# of minutes. Messages that are no completions do not come again, so what does may take its time.
TIMEOUT_SECONDS = 5
RECEIVES_MAX = 10
COMPLETERS_MAX = 10


class CompletionQueue(Construct):
    """`waiting` is what WaitingTask needs. The ids of the queues and of the table are the stack's
    own; the machines that wait are named when they are made (`answers`)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, removal_policy: cdk.RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        self.queue, self.dead = source_queue(
            scope,
            f"{construct_id}Queue",
            consumer_timeout_seconds=TIMEOUT_SECONDS,
            receives_max=RECEIVES_MAX,
            removal_policy=removal_policy,
        )
        self.table = table(
            scope,
            "WaitingTasks",
            partition_key="taskId",
            expires_by="expiration",
            removal_policy=removal_policy,
        )
        self.waiting = WaitingTasks(table=self.table, completions=self.queue)
        self.function = ThinFunction(
            self,
            "CompleteTask",
            handler="lambdas.completion.complete_task.handler",
            environment=CompleteTaskEnvironment(
                waiting_tasks_table=table_name(self.table),
                bad_completions=QueueUrl(self.dead.url),
            ),
            package=COMPLETION_PACKAGE,
            timeout_seconds=TIMEOUT_SECONDS,
            removal_policy=removal_policy,
        )
        self.table.grant(self.function.function, "dynamodb:UpdateItem")
        self.dead.grant(self.function.function, "sqs:SendMessage")
        self.function.function.add_event_source(
            event_sources.SqsEventSource(
                self.queue, report_batch_item_failures=True, max_concurrency=COMPLETERS_MAX
            )
        )
        alarm_on_messages(self.dead)
        alarm_on_backlog(self.queue)

    def answers(self, *machines: Machine) -> None:
        """The machines whose tasks may be completed."""
        self.function.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[
                    "states:SendTaskSuccess",
                    "states:SendTaskFailure",
                    "states:SendTaskHeartbeat",
                ],
                resources=[machine.arn for machine in machines],
            )
        )
