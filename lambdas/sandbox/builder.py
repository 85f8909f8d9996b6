"""A builder that takes a job, says that it is at work, and builds what the tag says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.message_batch import handle_each
from lambdas.sandbox.logic.builder import completions

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, Message, MessageBatch

SQS = boto3.client("sqs")
LOGGER = Logger(service="builder")


def handle_message(message: Message) -> None:
    job = json.loads(message["body"])
    LOGGER.set_correlation_id(job["executionArn"])
    for completion in completions(job):
        SQS.send_message(QueueUrl=job["completionQueueUrl"], MessageBody=json.dumps(completion))
        LOGGER.info("told", taskId=job["taskId"], status=completion["status"])


@LOGGER.inject_lambda_context
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return handle_each(event, handle_message, LOGGER)
