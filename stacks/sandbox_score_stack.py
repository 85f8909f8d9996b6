"""The sandbox's score service, in dev only: it answers, and fails when its table says so."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from lambdas.environment import ServiceAddress
from lambdas.micro_batch.logic.score_service import FUNCTION_SCHEME
from lambdas.sandbox.environments import ScoreServiceEnvironment
from stacks.stage import Stage
from stacks.tables import table
from workflows.function import SANDBOX_PACKAGE, ThinFunction, table_name

TIMEOUT_SECONDS = 10


class SandboxScoreStack(cdk.Stack):
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
            timeout_seconds=TIMEOUT_SECONDS,
            removal_policy=stage.removal_policy,
        )
        outages.grant(service.function, "dynamodb:UpdateItem")
        cdk.CfnOutput(self, "ScoreOutagesTable", value=outages.table_name)
