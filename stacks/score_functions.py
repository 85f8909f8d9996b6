"""The functions of the micro-process batch, and what each of them may. Made in the stack itself, so
that their construct ids are its own."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from constructs import Node

from lambdas.environment import Environment, QueueUrl, ServiceAddress
from lambdas.micro_batch.environments import (
    CollectFailedEnvironment,
    EnqueuePartEnvironment,
    ScoreLineEnvironment,
    ScoreMessageEnvironment,
)
from lambdas.micro_batch.logic.score_service import FUNCTION_SCHEME
from stacks.stage import Stage
from workflows.findings import acknowledge_wildcard
from workflows.function import MICRO_BATCH_PACKAGE, ThinFunction, table_name
from workflows.micro_batch import FAILED_FOLDER, JOBS_FOLDER
from workflows.queue import Queue
from workflows.score_map_run import RESULTS_FOLDER

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


def score_service_address(node: Node, stage: Stage) -> ServiceAddress | None:
    """The context `scoreService`: https://HOST/PATH, or function:NAME; the sandbox's in dev. None
    where the stage has no score service, and so no jobs."""
    address = node.try_get_context("scoreService")
    if stage.has_sandbox:
        address = address or f"{FUNCTION_SCHEME}scores-{stage.name}-service"
    return ServiceAddress(str(address)) if address else None


class ScoreFunctions:
    """`files` has the jobs, and takes their results."""

    def __init__(
        self, stack: cdk.Stack, *, stage: Stage, score_service: ServiceAddress, files: s3.Bucket
    ) -> None:
        self._stack = stack
        self._stage = stage
        self._score_service = score_service
        self._files = files

    def score_line(self) -> ThinFunction:
        environment = ScoreLineEnvironment(score_service=self._score_service)
        score_line = self._function("ScoreLine", "score_line", environment, SCORE_TIMEOUT_SECONDS)
        self._allow_score_service(score_line)
        return score_line

    def collect_failed(self) -> ThinFunction:
        collect_failed = self._function(
            "CollectFailed",
            "collect_failed",
            CollectFailedEnvironment(),
            COLLECT_TIMEOUT_SECONDS,
            memory_mb=1024,
        )
        self._allow_objects(collect_failed, "s3:GetObject", RESULTS_FOLDER)
        self._allow_objects(collect_failed, "s3:PutObject", FAILED_FOLDER)
        return collect_failed

    def enqueue_part(self, work: Queue) -> ThinFunction:
        enqueue_part = self._function(
            "EnqueuePart",
            "enqueue_part",
            EnqueuePartEnvironment(work_queue=QueueUrl(work.url)),
            ENQUEUE_TIMEOUT_SECONDS,
            memory_mb=512,
        )
        self._allow_objects(enqueue_part, "s3:GetObject", JOBS_FOLDER)
        work.grant(enqueue_part.function, "sqs:SendMessage")
        return enqueue_part

    def score_message(
        self, work: Queue, *, parts: dynamodb.ITable, jobs: dynamodb.ITable
    ) -> ThinFunction:
        """The consumer of the work queue."""
        score_message = self._function(
            "ScoreMessage",
            "score_message",
            ScoreMessageEnvironment(
                score_service=self._score_service,
                parts_table=table_name(parts),
                jobs_table=table_name(jobs),
                work_queue=QueueUrl(work.url),
            ),
            MESSAGE_TIMEOUT_SECONDS,
        )
        self._allow_score_service(score_message)
        # A transaction is authorized as the writes it consists of.
        parts.grant(score_message.function, "dynamodb:PutItem")
        jobs.grant(score_message.function, "dynamodb:UpdateItem")
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

    def _function(
        self,
        construct_id: str,
        module: str,
        environment: Environment,
        timeout_seconds: int,
        memory_mb: int = 256,
    ) -> ThinFunction:
        return ThinFunction(
            self._stack,
            construct_id,
            handler=f"lambdas.micro_batch.{module}.handler",
            environment=environment,
            package=MICRO_BATCH_PACKAGE,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
            removal_policy=self._stage.removal_policy,
        )

    def _allow_score_service(self, function: ThinFunction) -> None:
        """Only the sandbox's is behind IAM."""
        if self._score_service.startswith(FUNCTION_SCHEME):
            arn = self._stack.format_arn(
                service="lambda",
                resource="function",
                resource_name=self._score_service.removeprefix(FUNCTION_SCHEME),
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )
            function.function.add_to_role_policy(
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[arn])
            )

    def _allow_objects(self, function: ThinFunction, action: str, folder: str) -> None:
        objects = self._files.arn_for_objects(f"{folder}/*")
        function.function.add_to_role_policy(
            iam.PolicyStatement(actions=[action], resources=[objects])
        )
        acknowledge_wildcard(function, objects, "The key is the run's, which no role can know.")
