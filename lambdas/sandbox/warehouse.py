"""A warehouse that answers each hand-over with what it ships and what it has to order first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from lambdas.sandbox.logic.warehouse import answer_hand_over, ship_lines

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

STEP_FUNCTIONS = boto3.client("stepfunctions")
LOGGER = Logger(service="warehouse")


def handle_record(record: SQSRecord) -> None:
    message = record.json_body
    LOGGER.set_correlation_id(message["executionArn"])
    shipment = ship_lines(message["lines"], message["handOver"])
    answered = answer_hand_over(STEP_FUNCTIONS, message["taskToken"], shipment)
    LOGGER.info("hand-over answered", orderId=message["orderId"], answered=answered)


@LOGGER.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
