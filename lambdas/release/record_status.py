"""Writes down what the source host would be told, in development stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.release.environments import RecordStatusEnvironment
from lambdas.release.logic.record_status import record_status

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.release.payloads import StatusEvent, StatusReported

DYNAMODB = boto3.client("dynamodb")
LOGGER = Logger(service="release")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: StatusEvent, context: LambdaContext) -> StatusReported:
    reported = record_status(DYNAMODB, RecordStatusEnvironment.read().statuses_table, event)
    LOGGER.info("status recorded", state=event["state"])
    return reported
