"""Collects the lines of a job that failed, for a second run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.micro_batch.logic.collect_failed import collect_failed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.micro_batch.payloads import Collected, CollectFailedEvent

S3 = boto3.client("s3")
LOGGER = Logger(service="micro-batch")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: CollectFailedEvent, context: LambdaContext) -> Collected:
    collected = collect_failed(S3, event)
    LOGGER.info("results read", scored=collected["scored"], failed=collected["failed"])
    return collected
