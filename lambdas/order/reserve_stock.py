"""Reserves the stock of an order's lines, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.order.environments import ReserveStockEnvironment
from lambdas.order.logic.reserve_stock import reserve_stock
from lambdas.order.payloads import ReserveStockResult
from lambdas.order.telemetry import LOGGER, order_task

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.order.payloads import ReserveStockEvent

DYNAMODB = boto3.client("dynamodb")


@order_task
def handler(event: ReserveStockEvent, context: LambdaContext) -> ReserveStockResult:
    environment = ReserveStockEnvironment.read()
    reserve_stock(DYNAMODB, environment, event["orderId"], event["lines"])
    LOGGER.info("stock reserved", orderId=event["orderId"])
    return ReserveStockResult(reservationId=event["orderId"])
