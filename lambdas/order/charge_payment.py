"""Charges an order's total to the customer's card, once an order.

Two keys keep it to once, both the order's id. The provider's own: whatever happens here, it never
charges a key twice. And Powertools' record, which saves the call and outlives the memory of a
provider. Only a charge is recorded: after an error the record is deleted, so that a replay asks
again instead of reading an answer that is no longer true. A record for another amount or currency
is refused (IdempotencyValidationError). A call that was killed leaves its record INPROGRESS until
this function's time-out would have ended it; till then IdempotencyAlreadyInProgressError.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from botocore.config import Config

from lambdas.order.environments import ChargePaymentEnvironment
from lambdas.order.logic.charge_payment import charge_payment, payment_provider
from lambdas.order.telemetry import LOGGER, order_task

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.environment import TableName
    from lambdas.order.payloads import ChargePaymentEvent, ChargePaymentResult

# Longer than a dead letter stays in its queue (14 days), so that a replay still finds the charge.
RECORD_KEPT_S = 30 * 24 * 3600

DYNAMODB = boto3.client("dynamodb")
# One attempt: the state machine retries, with back-off and jitter.
LAMBDA = boto3.client(
    "lambda", config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
)


@cache
def charge_records(table: TableName) -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(table_name=table, boto3_client=DYNAMODB)


@order_task
def handler(event: ChargePaymentEvent, context: LambdaContext) -> ChargePaymentResult:
    environment = ChargePaymentEnvironment.read()
    charge_once = idempotent_function(
        charge_payment,
        data_keyword_argument="event",
        persistence_store=charge_records(environment.idempotency_table),
        config=IdempotencyConfig(
            event_key_jmespath="orderId",
            payload_validation_jmespath="[totalCents, currency]",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=RECORD_KEPT_S,
            lambda_context=context,
        ),
        key_prefix="charge_payment",
    )
    provider = payment_provider(LAMBDA, environment.payment_provider_function)
    result: ChargePaymentResult = charge_once(event=event, provider=provider)
    LOGGER.info("payment charged", orderId=event["orderId"], chargeId=result["chargeId"])
    return result
