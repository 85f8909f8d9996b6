"""Gives an order's reserved stock back: the compensation of reserve_stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.order.environments import ReleaseStockEnvironment
from lambdas.order.logic.release_stock import release_stock
from lambdas.order.payloads import ReleaseStockResult
from lambdas.order.telemetry import LOGGER, order_task

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.order.payloads import ReleaseStockEvent

DYNAMODB = boto3.client("dynamodb")


@order_task
def handler(event: ReleaseStockEvent, context: LambdaContext) -> ReleaseStockResult:
    environment = ReleaseStockEnvironment.read()
    released = release_stock(
        DYNAMODB, environment, event["orderId"], charge_uncertain=event["chargeUncertain"]
    )
    LOGGER.info("stock released", orderId=event["orderId"], released=released)
    return ReleaseStockResult(released=released)
