"""Scores one line of a job's file."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from lambdas.micro_batch.environments import ScoreLineEnvironment
from lambdas.micro_batch.logic.score_line import score_line
from lambdas.micro_batch.logic.score_service import score_service

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.micro_batch.payloads import LineResult, ScoreLineEvent

LOGGER = Logger(service="micro-batch")
SERVICE = cache(score_service)


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: ScoreLineEvent, context: LambdaContext) -> LineResult:
    service = SERVICE(ScoreLineEnvironment.read().score_service)
    return score_line(service, event)
