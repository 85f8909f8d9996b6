"""Checks and normalizes the order that an execution was started with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lambdas.order.logic.validate_order import validate_order
from lambdas.order.telemetry import LOGGER, order_task

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.order.payloads import Order, ValidateOrderEvent


@order_task
def handler(event: ValidateOrderEvent, context: LambdaContext) -> Order:
    order = validate_order(event["order"], datetime.now(UTC))
    LOGGER.info("order validated", orderId=order["orderId"], totalCents=order["totalCents"])
    return order
