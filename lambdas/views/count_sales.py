"""Counts a batch of archived sales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.views.environments import CountSalesEnvironment
from lambdas.views.logic.count_sales import count_sales

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.views.payloads import Cell, CountSalesEvent

S3 = boto3.client("s3")
LOGGER = Logger(service="views")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: CountSalesEvent, context: LambdaContext) -> list[Cell]:
    cells = count_sales(S3, CountSalesEnvironment.read().sales_bucket, event)
    LOGGER.info("sales counted", keys=len(event["keys"]), cells=len(cells))
    return cells
