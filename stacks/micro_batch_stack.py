"""The micro-process batch: scores of many companies, from a file in S3.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, Node

from lambdas.environment import Environment, ServiceAddress
from lambdas.micro_batch.environments import CollectFailedEnvironment, ScoreLineEnvironment
from lambdas.micro_batch.logic.score_service import FUNCTION_SCHEME
from lambdas.sandbox.environments import ScoreServiceEnvironment
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters, private_bucket
from stacks.prices import Prices
from stacks.stage import Stage
from stacks.tables import table
from workflows.function import MICRO_BATCH_PACKAGE, SANDBOX_PACKAGE, ThinFunction, table_name
from workflows.micro_batch import (
    FAILED_FOLDER,
    RESULTS_FOLDER,
    BatchFunctions,
    ScoreCompanies,
)
from workflows.wildcards import acknowledge_wildcard

FILES_KEPT_DAYS = 90
# A time-out of the service, and what stands around it.
SCORE_TIMEOUT_SECONDS = 10
# A million results are 100 MB.
COLLECT_TIMEOUT_SECONDS = 600

SLOW_JOB = cdk.Duration.hours(6)
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
        nets = dead_letters.watch(self.score_companies)
        self._operations(
            [functions.score_line, functions.collect_failed],
            nets,
            [dead_letters.letters, dead_letters.lost_events],
        )
        self._outputs(dead_letters)

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
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "ScoreDashboard",
            machines=[self.score_companies],
            functions=functions,
            dead_letters=dead_letters,
            prices=Prices.from_context(self.node),
        )

    def _outputs(self, dead_letters: DeadLetters) -> None:
        """What a user, and the replay script, need to know."""
        outputs = {
            "ScoreCompaniesMachineArn": self.score_companies.state_machine_arn,
            "ScoreFilesBucket": self.files.bucket_name,
            "ScoreDeadLettersUrl": dead_letters.letters.queue_url,
            "ScoreLettersTable": dead_letters.archive.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)


class SandboxScoreStack(cdk.Stack):
    """The score service of development stages."""

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
        outages = table(
            self,
            "ScoreOutages",
            partition_key="companyId",
            removal_policy=stage.removal_policy,
        )
        service = ThinFunction(
            self,
            "ScoreService",
            handler="lambdas.sandbox.score_service.handler",
            function_name=score_service.removeprefix(FUNCTION_SCHEME),
            environment=ScoreServiceEnvironment(outages_table=table_name(outages)),
            package=SANDBOX_PACKAGE,
            timeout_seconds=SCORE_TIMEOUT_SECONDS,
            removal_policy=stage.removal_policy,
        )
        outages.grant(service.function, "dynamodb:UpdateItem")
        cdk.CfnOutput(self, "ScoreOutagesTable", value=outages.table_name)
