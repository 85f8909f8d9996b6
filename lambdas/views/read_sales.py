"""GET /sales/{sku}/{day}: what was sold of a sku on a day, up to this moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.front.http import answer, http_proxy
from lambdas.views.environments import ReadSalesEnvironment
from lambdas.views.logic.read_sales import Clients, read_sales

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

# Together shorter than the function's time-out: the caller gets an answer.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})
CLIENTS = Clients(
    dynamodb=boto3.client("dynamodb", config=CONFIG), s3=boto3.client("s3", config=CONFIG)
)


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    path = event["pathParameters"]
    environment = ReadSalesEnvironment.read()
    return answer(
        200, read_sales(CLIENTS, environment, path["sku"], path["day"], datetime.now(UTC))
    )
