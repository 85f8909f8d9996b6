"""A score service that knows every company, and can have an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.sandbox.environments import ScoreServiceEnvironment
from lambdas.sandbox.logic.score_service import score_company

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.micro_batch.payloads import ScoreAnswer

DYNAMODB = boto3.client("dynamodb")
LOGGER = Logger(service="score-service")


@LOGGER.inject_lambda_context
def handler(event: dict[str, str], context: LambdaContext) -> ScoreAnswer:
    return score_company(DYNAMODB, ScoreServiceEnvironment.read(), event["companyId"])
