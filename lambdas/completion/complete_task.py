"""Completes the tasks that the messages of the completion queue name; a message that fails is tried
again alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from botocore.config import Config

from lambdas.completion.environments import CompleteTaskEnvironment
from lambdas.completion.logic.complete_task import Clients, complete_task

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

# One attempt: the queue tries again.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
CLIENTS = Clients(
    step_functions=boto3.client("stepfunctions", config=CONFIG),
    dynamodb=boto3.client("dynamodb", config=CONFIG),
    sqs=boto3.client("sqs", config=CONFIG),
)
LOGGER = Logger(service="completion")


def handle_record(record: SQSRecord) -> None:
    environment = CompleteTaskEnvironment.read()
    outcome = complete_task(CLIENTS, environment, record.body, datetime.now(UTC))
    LOGGER.info("completion taken", outcome=outcome)


@LOGGER.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
