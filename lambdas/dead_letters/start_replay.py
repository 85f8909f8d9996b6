"""Starts the work of one dead letter again under the name that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.dead_letters.logic.start_replay import start_replay

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.dead_letters.payloads import StartReplayEvent, StartReplayResult

STEP_FUNCTIONS = boto3.client("stepfunctions")
S3 = boto3.client("s3")
LOGGER = Logger(service="dead-letters")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: StartReplayEvent, context: LambdaContext) -> StartReplayResult:
    arn = start_replay(STEP_FUNCTIONS, S3, event)
    LOGGER.info("replay started", replay=arn)
    return {"executionArn": arn}
