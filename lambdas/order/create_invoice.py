"""Creates the invoices that the order workflow asked for in the invoices queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from lambdas.order.environments import CreateInvoiceEnvironment
from lambdas.order.logic.create_invoice import create_invoice
from lambdas.order.telemetry import LOGGER, METRICS, count_outcome

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

DYNAMODB = boto3.client("dynamodb")


def handle_record(record: SQSRecord) -> None:
    environment = CreateInvoiceEnvironment.read()
    with count_outcome("create_invoice"):
        message = record.json_body
        LOGGER.set_correlation_id(message["executionArn"])
        create_invoice(DYNAMODB, environment, message, int(record.attributes.sent_timestamp))
        LOGGER.info("invoice created", orderId=message["orderId"])


@LOGGER.inject_lambda_context
@METRICS.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
