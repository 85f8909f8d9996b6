"""The release build: the source host's webhook, the queue behind it, the machine, the builders'
queue, and the queue by which they answer.

This module wires and grants; the order of the steps stands in `workflows.release_build`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from lambdas.environment import Environment, QueueUrl, SecretArn
from lambdas.release.environments import (
    AcceptReleaseEnvironment,
    RecordStatusEnvironment,
    ReportStatusEnvironment,
)
from lambdas.sandbox.environments import BuilderEnvironment
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.completion_queue import CompletionQueue
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters
from stacks.http_front import BufferedStart, HttpFront
from stacks.prices import Prices
from stacks.queues import source_queue
from stacks.release_settings import ReleaseSettings
from stacks.stage import Stage
from stacks.tables import table
from workflows.findings import acknowledge
from workflows.function import (
    RELEASE_PACKAGE,
    SANDBOX_PACKAGE,
    Package,
    ThinFunction,
    table_name,
)
from workflows.release_build import ReleaseBuild

# API Gateway waits for 30 seconds at the most, the source host for 10.
PROXY_TIMEOUT_SECONDS = 10
HOST_TIMEOUT_SECONDS = 20
# How long a builder may have a message before another gets it: to say that it has begun.
TAKE_TIMEOUT_SECONDS = 20
SLOW_BUILD = timedelta(hours=2)
SLOW_NET = timedelta(minutes=4)
WEBHOOKS_PER_SECOND = 5
WEBHOOKS_AT_ONCE = 20


class ReleaseStack(cdk.Stack):
    """Without `settings`, in dev only: builders and the source host are the sandbox's."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        settings: ReleaseSettings | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal = stage.removal_policy
        dead_letters = DeadLetters(
            self,
            archive="ReleaseLetters",
            letters="ReleaseDeadLetters",
            prefix="Release",
            removal_policy=self._removal,
        )
        self.builders, dead_jobs = source_queue(
            self,
            "BuilderQueue",
            consumer_timeout_seconds=TAKE_TIMEOUT_SECONDS,
            removal_policy=self._removal,
        )
        completion = CompletionQueue(self, "Completion", removal_policy=self._removal)
        report_status = self._report_status(settings) if settings else self._record_status()
        self.build = ReleaseBuild(
            self,
            "ReleaseBuild",
            report_status=report_status,
            builders=self.builders,
            waiting=completion.waiting,
            dead_letters=dead_letters.store,
            removal_policy=self._removal,
        ).machine
        completion.answers(self.build)
        nets = dead_letters.watch(self.build)
        buffer = BufferedStart(
            self, "ReleaseBuffer", machine=self.build, removal_policy=self._removal
        )
        accept = self._accept_release(buffer)
        front = HttpFront(self, "ReleaseApi", issuer=None, removal_policy=self._removal)
        front.public_route(
            apigateway.HttpMethod.POST,
            "/webhooks/releases",
            accept,
            requests_per_second=WEBHOOKS_PER_SECOND,
            requests_at_once=WEBHOOKS_AT_ONCE,
            reason="The source host signs its webhooks; the function checks the signature.",
        )
        if stage.has_sandbox:
            self._builder(completion)

        for queue in (dead_letters.letters, dead_letters.lost_events, dead_jobs):
            alarm_on_messages(queue)
        alarm_on_machine(self.build, slow_after=SLOW_BUILD)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "ReleaseDashboard",
            machines=[self.build],
            functions=[accept, report_status, completion.function],
            dead_letters=[
                dead_letters.letters,
                dead_letters.lost_events,
                buffer.dead,
                dead_jobs,
                completion.dead,
            ],
            prices=Prices.from_context(self.node),
        )
        outputs = {
            "ReleaseApiUrl": front.url,
            "ReleaseBuildMachineArn": self.build.arn,
            "BuilderQueueUrl": self.builders.url,
            "CompletionQueueUrl": completion.queue.url,
            "WaitingTasksTable": completion.table.table_name,
            "ReleaseDeadLettersUrl": dead_letters.letters.url,
            "ReleaseLettersTable": dead_letters.archive.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)

    def _accept_release(self, buffer: BufferedStart) -> ThinFunction:
        secret = secretsmanager.Secret(
            self,
            "WebhookSecret",
            description="The key with which the source host signs its webhooks",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=self._removal,
        )
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "The source host has the same key: it changes when that one changes.",
        )
        deliveries = table(
            self,
            "ReleaseDeliveries",
            partition_key="signature",
            expires_by="expiration",
            removal_policy=self._removal,
        )
        accept = self._function(
            "AcceptRelease",
            "lambdas.release.accept_release.handler",
            AcceptReleaseEnvironment(
                webhook_secret=SecretArn(secret.secret_arn),
                deliveries_table=table_name(deliveries),
                release_queue=QueueUrl(buffer.queue.url),
            ),
            PROXY_TIMEOUT_SECONDS,
        )
        _allow_reading(accept, secret.secret_arn)
        deliveries.grant(accept.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        buffer.queue.grant(accept.function, "sqs:SendMessage")
        cdk.CfnOutput(self, "WebhookSecretArn", value=secret.secret_arn)
        return accept

    def _report_status(self, settings: ReleaseSettings) -> ThinFunction:
        report_status = self._function(
            "ReportStatus",
            "lambdas.release.report_status.handler",
            ReportStatusEnvironment(
                source_host=settings.source_host, source_host_token=settings.source_host_token
            ),
            HOST_TIMEOUT_SECONDS,
        )
        _allow_reading(report_status, settings.source_host_token)
        return report_status

    def _record_status(self) -> ThinFunction:
        """Of development stages: what would be told is written down."""
        statuses = table(self, "CommitStatuses", partition_key="tag", removal_policy=self._removal)
        record_status = self._function(
            "RecordStatus",
            "lambdas.release.record_status.handler",
            RecordStatusEnvironment(statuses_table=table_name(statuses)),
            HOST_TIMEOUT_SECONDS,
        )
        statuses.grant(record_status.function, "dynamodb:GetItem", "dynamodb:PutItem")
        cdk.CfnOutput(self, "CommitStatusesTable", value=statuses.table_name)
        return record_status

    def _builder(self, completion: CompletionQueue) -> None:
        """Of development stages: one that takes jobs, and answers as their tags say."""
        builder = self._function(
            "Builder",
            "lambdas.sandbox.builder.handler",
            BuilderEnvironment(),
            TAKE_TIMEOUT_SECONDS,
            SANDBOX_PACKAGE,
        )
        completion.queue.grant(builder.function, "sqs:SendMessage")
        builder.function.add_event_source(
            event_sources.SqsEventSource(self.builders, report_batch_item_failures=True)
        )

    def _function(
        self,
        construct_id: str,
        handler: str,
        environment: Environment,
        timeout_seconds: int,
        package: Package = RELEASE_PACKAGE,
    ) -> ThinFunction:
        return ThinFunction(
            self,
            construct_id,
            handler=handler,
            environment=environment,
            package=package,
            timeout_seconds=timeout_seconds,
            removal_policy=self._removal,
        )


def _allow_reading(function: ThinFunction, secret_arn: str) -> None:
    function.function.add_to_role_policy(
        iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret_arn])
    )
