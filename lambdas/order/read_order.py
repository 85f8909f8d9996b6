"""GET /orders/{orderId}: the stored status of the caller's own order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.front.http import answer, caller_of, http_proxy
from lambdas.order.environments import ReadOrderEnvironment
from lambdas.order.logic.read_order import read_order

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

DYNAMODB = boto3.client("dynamodb")


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    environment = ReadOrderEnvironment.read()
    order_id = event["pathParameters"]["orderId"]
    return answer(200, read_order(DYNAMODB, environment, caller_of(event), order_id))
