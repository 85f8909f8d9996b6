"""Takes one batch of messages from a report that the provider delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.report.logic.take_batch import take_batch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.report.payloads import Batch, TakeBatchEvent

S3 = boto3.client("s3")
LOGGER = Logger(service="report")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: TakeBatchEvent, context: LambdaContext) -> Batch:
    batch = take_batch(S3, event["accountId"], event["location"], event["number"])
    LOGGER.info("batch taken", number=event["number"], batches=batch["batches"])
    return batch
