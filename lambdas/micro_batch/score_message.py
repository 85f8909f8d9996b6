"""Scores the messages of the work queue."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from lambdas.micro_batch.environments import ScoreMessageEnvironment
from lambdas.micro_batch.logic.score_message import score_message
from lambdas.micro_batch.logic.score_service import score_service

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

DYNAMODB = boto3.client("dynamodb")
SQS = boto3.client("sqs")
LOGGER = Logger(service="micro-batch")
METRICS = Metrics(namespace="Scores", service="micro-batch")
SERVICE = cache(score_service)


def handle_record(record: SQSRecord) -> None:
    environment = ScoreMessageEnvironment.read()
    service = SERVICE(environment.score_service)
    try:
        results = score_message(service, DYNAMODB, SQS, environment, record.json_body)
    except Exception:
        _count("MessagesFailed", 1)
        raise
    scored = sum("score" in result for result in results)
    _count("LinesScored", scored)
    _count("LinesRefused", len(results) - scored)


def _count(name: str, value: int) -> None:
    METRICS.add_metric(name=name, unit=MetricUnit.Count, value=value)


@LOGGER.inject_lambda_context
@METRICS.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
