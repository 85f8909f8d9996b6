"""Scores the messages of the work queue."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.message_batch import handle_each
from lambdas.micro_batch.environments import ScoreMessageEnvironment
from lambdas.micro_batch.logic.score_message import score_message
from lambdas.micro_batch.logic.score_service import score_service

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, Message, MessageBatch

DYNAMODB = boto3.client("dynamodb")
SQS = boto3.client("sqs")
LOGGER = Logger(service="micro-batch")
METRICS = Metrics(namespace="Scores", service="micro-batch")
SERVICE = cache(score_service)


def handle_message(message: Message) -> None:
    environment = ScoreMessageEnvironment.read()
    service = SERVICE(environment.score_service)
    try:
        results = score_message(service, DYNAMODB, SQS, environment, json.loads(message["body"]))
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
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return handle_each(event, handle_message, LOGGER)
