"""A payment provider that charges every card but `tok_declined`, and can have an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.sandbox.environments import PaymentProviderEnvironment
from lambdas.sandbox.logic.payment_provider import charge_card

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.order.payloads import ChargeAnswer, ChargeRequest

DYNAMODB = boto3.client("dynamodb")
LOGGER = Logger(service="payment-provider")


@LOGGER.inject_lambda_context(correlation_id_path="idempotencyKey")
def handler(event: ChargeRequest, context: LambdaContext) -> ChargeAnswer:
    environment = PaymentProviderEnvironment.read()
    answer = charge_card(DYNAMODB, environment, event)
    LOGGER.info("charge answered", status=answer["status"])
    return answer
