"""The micro-process batch: scores of many companies, from a file in S3, by a Map Run or by a queue.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, Node

from lambdas.environment import Environment, QueueUrl, ServiceAddress
from lambdas.micro_batch.environments import (
    CollectFailedEnvironment,
    EnqueuePartEnvironment,
    ScoreLineEnvironment,
    ScoreMessageEnvironment,
)
from lambdas.micro_batch.logic.score_service import FUNCTION_SCHEME
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters, private_bucket
from stacks.micro_batch_dashboard import QueueDashboard
from stacks.prices import Prices
from stacks.queues import source_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows.function import MICRO_BATCH_PACKAGE, ThinFunction, table_name
from workflows.micro_batch import (
    FAILED_FOLDER,
    JOBS_FOLDER,
    RESULTS_FOLDER,
    BatchFunctions,
    ScoreCompanies,
)
from workflows.micro_batch_queue import EnqueueCompanies
from workflows.wildcards import acknowledge_wildcard

METRICS_NAMESPACE = "Scores"
FILES_KEPT_DAYS = 90
# A time-out of the service, and what stands around it.
SCORE_TIMEOUT_SECONDS = 10
# A million results are 100 MB.
COLLECT_TIMEOUT_SECONDS = 600

ENQUEUE_TIMEOUT_SECONDS = 60
# Ten lines, each with the service's time-out.
MESSAGE_TIMEOUT_SECONDS = 60
# The circuit: so many messages at once, and so many requests, however long the queue is and however
# slowly the service answers.
MESSAGES_AT_ONCE = 20

SLOW_JOB = cdk.Duration.hours(6)
SLOW_ENQUEUING = cdk.Duration.hours(1)
SLOW_NET = cdk.Duration.minutes(5)


def score_service_address(node: Node, stage: Stage) -> ServiceAddress | None:
    """The context `scoreService`: https://HOST/PATH, or function:NAME; the sandbox's in dev. None
    where the stage has no score service, and so no jobs."""
    address = node.try_get_context("scoreService")
    if stage.has_sandbox:
        address = address or f"{FUNCTION_SCHEME}scores-{stage.name}-service"
    return ServiceAddress(str(address)) if address else None


class MicroBatchStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        score_service: ServiceAddress,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._stage = stage
        self._score_service = score_service
        self.files = self._bucket()
        dead_letters = DeadLetters(
            self,
            archive="ScoreLetters",
            letters="ScoreDeadLetters",
            prefix="Score",
            removal_policy=stage.removal_policy,
        )
        functions = self._batch_functions()
        self.score_companies = ScoreCompanies(
            self,
            "ScoreCompanies",
            functions=functions,
            files=self.files,
            dead_letters=dead_letters.store,
            removal_policy=stage.removal_policy,
        ).machine
        work, work_dead = source_queue(
            self,
            "ScoreWork",
            consumer_timeout_seconds=MESSAGE_TIMEOUT_SECONDS,
            removal_policy=stage.removal_policy,
        )
        self.jobs = table(
            self,
            "ScoreJobs",
            partition_key="jobId",
            numeric_sort_key="shard",
            removal_policy=stage.removal_policy,
        )
        enqueue_part = self._enqueue_part(work)
        score_message = self._score_message(work)
        self.enqueue_companies = EnqueueCompanies(
            self,
            "EnqueueCompanies",
            enqueue_part=enqueue_part,
            files=self.files,
            jobs=self.jobs,
            dead_letters=dead_letters.store,
            removal_policy=stage.removal_policy,
        ).machine
        nets = dead_letters.watch(self.score_companies, self.enqueue_companies)
        self._operations(
            [functions.score_line, functions.collect_failed, enqueue_part, score_message],
            nets,
            [dead_letters.letters, dead_letters.lost_events, work_dead],
        )
        QueueDashboard(
            self,
            "QueueDashboard",
            queue=work,
            dead=work_dead,
            consumer=score_message,
            namespace=METRICS_NAMESPACE,
            concurrency_max=MESSAGES_AT_ONCE,
        )
        self._outputs(dead_letters, work_dead)

    def _bucket(self) -> s3.Bucket:
        return private_bucket(
            self,
            "ScoreFiles",
            kept_days=FILES_KEPT_DAYS,
            removal_policy=self._stage.removal_policy,
        )

    def _function(
        self,
        construct_id: str,
        module: str,
        environment: Environment,
        timeout_seconds: int,
        memory_mb: int = 256,
    ) -> ThinFunction:
        return ThinFunction(
            self,
            construct_id,
            handler=f"lambdas.micro_batch.{module}.handler",
            environment=environment,
            package=MICRO_BATCH_PACKAGE,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
            removal_policy=self._stage.removal_policy,
        )

    def _batch_functions(self) -> BatchFunctions:
        score_line = self._function(
            "ScoreLine",
            "score_line",
            ScoreLineEnvironment(score_service=self._score_service),
            SCORE_TIMEOUT_SECONDS,
        )
        self._allow_score_service(score_line)
        collect_failed = self._function(
            "CollectFailed",
            "collect_failed",
            CollectFailedEnvironment(),
            COLLECT_TIMEOUT_SECONDS,
            memory_mb=1024,
        )
        self._allow_objects(collect_failed, "s3:GetObject", RESULTS_FOLDER)
        self._allow_objects(collect_failed, "s3:PutObject", FAILED_FOLDER)
        return BatchFunctions(score_line=score_line, collect_failed=collect_failed)

    def _enqueue_part(self, work: sqs.Queue) -> ThinFunction:
        enqueue_part = self._function(
            "EnqueuePart",
            "enqueue_part",
            EnqueuePartEnvironment(work_queue=QueueUrl(work.queue_url)),
            ENQUEUE_TIMEOUT_SECONDS,
            memory_mb=512,
        )
        self._allow_objects(enqueue_part, "s3:GetObject", JOBS_FOLDER)
        work.grant(enqueue_part.function, "sqs:SendMessage")
        return enqueue_part

    def _score_message(self, work: sqs.Queue) -> ThinFunction:
        """The consumer of the work queue."""
        parts = table(
            self, "ScoreParts", partition_key="part", removal_policy=self._stage.removal_policy
        )
        score_message = self._function(
            "ScoreMessage",
            "score_message",
            ScoreMessageEnvironment(
                score_service=self._score_service,
                parts_table=table_name(parts),
                jobs_table=table_name(self.jobs),
                work_queue=QueueUrl(work.queue_url),
            ),
            MESSAGE_TIMEOUT_SECONDS,
        )
        self._allow_score_service(score_message)
        # A transaction is authorized as the writes it consists of.
        parts.grant(score_message.function, "dynamodb:PutItem")
        self.jobs.grant(score_message.function, "dynamodb:UpdateItem")
        work.grant(score_message.function, "sqs:SendMessage")
        score_message.function.add_event_source(
            event_sources.SqsEventSource(
                work,
                batch_size=1,
                max_concurrency=MESSAGES_AT_ONCE,
                report_batch_item_failures=True,
            )
        )
        return score_message

    def _allow_score_service(self, function: ThinFunction) -> None:
        """Only the sandbox's is behind IAM."""
        if self._score_service.startswith(FUNCTION_SCHEME):
            arn = self.format_arn(
                service="lambda",
                resource="function",
                resource_name=self._score_service.removeprefix(FUNCTION_SCHEME),
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )
            function.function.add_to_role_policy(
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[arn])
            )

    def _allow_objects(self, function: ThinFunction, action: str, folder: str) -> None:
        objects = self.files.arn_for_objects(f"{folder}/*")
        function.function.add_to_role_policy(
            iam.PolicyStatement(actions=[action], resources=[objects])
        )
        acknowledge_wildcard(function, objects, "The key is the run's, which no role can know.")

    def _operations(
        self,
        functions: Sequence[ThinFunction],
        nets: Sequence[sfn.StateMachine],
        dead_letters: Sequence[sqs.Queue],
    ) -> None:
        """What tells that something is wrong, and what shows how it goes."""
        for queue in dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(self.score_companies, slow_after=SLOW_JOB)
        alarm_on_machine(self.enqueue_companies, slow_after=SLOW_ENQUEUING)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "ScoreDashboard",
            machines=[self.score_companies, self.enqueue_companies],
            functions=functions,
            dead_letters=dead_letters,
            prices=Prices.from_context(self.node),
        )

    def _outputs(self, dead_letters: DeadLetters, work_dead: sqs.Queue) -> None:
        """What a user, and the replay script, need to know."""
        outputs = {
            "ScoreCompaniesMachineArn": self.score_companies.state_machine_arn,
            "EnqueueCompaniesMachineArn": self.enqueue_companies.state_machine_arn,
            "ScoreJobsTable": self.jobs.table_name,
            "ScoreWorkDeadLettersUrl": work_dead.queue_url,
            "ScoreFilesBucket": self.files.bucket_name,
            "ScoreDeadLettersUrl": dead_letters.letters.queue_url,
            "ScoreLettersTable": dead_letters.archive.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
