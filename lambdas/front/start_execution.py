"""Starts the executions that wait in a queue; a message that fails is tried again alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from botocore.config import Config

from lambdas.front.environments import StartExecutionEnvironment
from lambdas.front.logic.start_execution import start_execution

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

# One attempt: the queue tries again.
STEP_FUNCTIONS = boto3.client(
    "stepfunctions",
    config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
)
LOGGER = Logger(service="front")


def handle_record(record: SQSRecord) -> None:
    machine = StartExecutionEnvironment.read().state_machine
    started = start_execution(STEP_FUNCTIONS, machine, record.json_body)
    LOGGER.info("execution started", execution=record.json_body["name"], started=started)


@LOGGER.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
