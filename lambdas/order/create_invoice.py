"""Creates the invoices that the order workflow asked for in the invoices queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3

from lambdas.message_batch import handle_each
from lambdas.order.environments import CreateInvoiceEnvironment
from lambdas.order.logic.create_invoice import create_invoice
from lambdas.order.telemetry import LOGGER, METRICS, count_outcome

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, Message, MessageBatch

DYNAMODB = boto3.client("dynamodb")


def handle_message(message: Message) -> None:
    environment = CreateInvoiceEnvironment.read()
    with count_outcome("create_invoice"):
        invoice = json.loads(message["body"])
        LOGGER.set_correlation_id(invoice["executionArn"])
        create_invoice(DYNAMODB, environment, invoice, int(message["attributes"]["SentTimestamp"]))
        LOGGER.info("invoice created", orderId=invoice["orderId"])


@LOGGER.inject_lambda_context
@METRICS.log_metrics
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return handle_each(event, handle_message, LOGGER)
