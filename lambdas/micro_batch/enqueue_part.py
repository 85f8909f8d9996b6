"""Cuts one part of a job's file into messages of the work queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.micro_batch.environments import EnqueuePartEnvironment
from lambdas.micro_batch.logic.enqueue_part import enqueue_part

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.micro_batch.payloads import EnqueuedPart, EnqueuePartEvent

S3 = boto3.client("s3")
SQS = boto3.client("sqs")
LOGGER = Logger(service="micro-batch")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: EnqueuePartEvent, context: LambdaContext) -> EnqueuedPart:
    part = enqueue_part(S3, SQS, EnqueuePartEnvironment.read().work_queue, event)
    LOGGER.info("part enqueued", jobId=event["jobId"], line=part["line"], done=part["done"])
    return part
