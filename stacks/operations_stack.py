"""Asynchronous operations: their HTTP API, their queue, their machine, and what tells their status.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from lambdas.environment import BucketName, QueueUrl, StateMachineArn
from lambdas.operation.environments import FormatPageEnvironment, StartOperationEnvironment
from lambdas.operation.payloads import FOLDER
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.callers import Issuer
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters, private_bucket
from stacks.http_front import BufferedStart, HttpFront
from stacks.prices import Prices
from stacks.stage import Stage
from stacks.tables import table
from stacks.web_origins import let_pages_read
from workflows.findings import acknowledge_wildcard
from workflows.function import OPERATION_PACKAGE, ThinFunction, table_name
from workflows.machine import Machine
from workflows.operation import Operation
from workflows.operation_outcome import OperationOutcome
from workflows.queue import Queue
from workflows.sweep import Sweep

FILES_KEPT_DAYS = 14
# API Gateway waits for 30 seconds at the most.
PROXY_TIMEOUT_SECONDS = 10
SLOW_OPERATION = timedelta(minutes=10)
SLOW_NET = timedelta(minutes=4)


class OperationsStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        orders: dynamodb.ITable,
        issuer: Issuer,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        self.requests = table(
            self, "OperationRequests", partition_key="requestId", removal_policy=removal
        )
        self.files = private_bucket(
            self, "OperationFiles", kept_days=FILES_KEPT_DAYS, removal_policy=removal
        )
        let_pages_read(self.files)
        dead_letters = DeadLetters(
            self,
            archive="OperationLetters",
            letters="OperationDeadLetters",
            prefix="Operation",
            removal_policy=removal,
        )
        self.format_page = ThinFunction(
            self,
            "FormatPage",
            handler="lambdas.operation.format_page.handler",
            environment=FormatPageEnvironment(),
            package=OPERATION_PACKAGE,
            timeout_seconds=10,
            removal_policy=removal,
        )
        self.operation = Operation(
            self,
            "Operation",
            format_page=self.format_page,
            orders=orders,
            files=self.files,
            dead_letters=dead_letters.store,
            removal_policy=removal,
        ).machine
        outcome = OperationOutcome(
            self,
            "OperationOutcome",
            watched=self.operation,
            files=self.files,
            lost_events=dead_letters.lost_events,
            removal_policy=removal,
        ).machine
        # Stands behind the rule, whose events are best effort.
        outcome_sweep = Sweep(
            self,
            "OutcomeSweep",
            watched=[self.operation],
            recorder=outcome,
            lost_schedules=dead_letters.lost_events,
            removal_policy=removal,
        ).machine
        nets = [*dead_letters.watch(self.operation), outcome, outcome_sweep]

        buffer = BufferedStart(
            self, "OperationBuffer", machine=self.operation, removal_policy=removal
        )
        self.start_operation = self._start_operation(buffer, removal)
        front = HttpFront(
            self,
            "OperationApi",
            issuer=issuer,
            page_methods=[apigateway.CorsHttpMethod.POST],
            removal_policy=removal,
        )
        front.route(apigateway.HttpMethod.POST, "/operations", self.start_operation)

        self._watched(nets, [dead_letters.letters, dead_letters.lost_events], buffer.dead)
        outputs = {
            "OperationApiUrl": front.url,
            "OperationMachineArn": self.operation.arn,
            "OperationDeadLettersUrl": dead_letters.letters.url,
            "OperationLettersTable": dead_letters.archive.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)

    def _start_operation(self, buffer: BufferedStart, removal: cdk.RemovalPolicy) -> ThinFunction:
        proxy = ThinFunction(
            self,
            "StartOperation",
            handler="lambdas.operation.start_operation.handler",
            environment=StartOperationEnvironment(
                operation_requests_table=table_name(self.requests),
                operation_queue=QueueUrl(buffer.queue.url),
                operation_files=BucketName(self.files.bucket_name),
                operation_machine=StateMachineArn(self.operation.arn),
            ),
            package=OPERATION_PACKAGE,
            timeout_seconds=PROXY_TIMEOUT_SECONDS,
            removal_policy=removal,
        )
        self.requests.grant(proxy.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        buffer.queue.grant(proxy.function, "sqs:SendMessage", "sqs:GetQueueAttributes")
        objects = self.files.arn_for_objects(f"{FOLDER}/*")
        # A link may do what its signer may.
        proxy.function.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:PutObject", "s3:GetObject"], resources=[objects])
        )
        acknowledge_wildcard(
            proxy, objects, "The key is the operation's id, which no role can know."
        )
        proxy.function.add_to_role_policy(
            iam.PolicyStatement(actions=["cloudwatch:GetMetricStatistics"], resources=["*"])
        )
        acknowledge_wildcard(proxy, "*", "CloudWatch's metrics, like X-Ray, know no resources.")
        return proxy

    def _watched(
        self,
        nets: Sequence[Machine],
        dead_letters: Sequence[Queue],
        starts_dead: Queue,
    ) -> None:
        """What tells that something is wrong, and what shows how it goes."""
        for queue in dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(self.operation, slow_after=SLOW_OPERATION)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "OperationDashboard",
            machines=[self.operation],
            functions=[self.start_operation, self.format_page],
            dead_letters=[*dead_letters, starts_dead],
            prices=Prices.from_context(self.node),
        )
