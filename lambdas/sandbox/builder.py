"""A builder that takes a job, says that it is at work, and builds what the tag says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from lambdas.sandbox.logic.builder import completions

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

SQS = boto3.client("sqs")
LOGGER = Logger(service="builder")


def handle_record(record: SQSRecord) -> None:
    job = record.json_body
    LOGGER.set_correlation_id(job["executionArn"])
    for completion in completions(job):
        SQS.send_message(QueueUrl=job["completionQueueUrl"], MessageBody=json.dumps(completion))
        LOGGER.info("told", taskId=job["taskId"], status=completion["status"])


@LOGGER.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
