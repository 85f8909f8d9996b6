"""Receives a page of a dead-letter queue, and tells of each message what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.dead_letters.logic.receive_letters import receive_letters

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.dead_letters.payloads import ReceiveLettersEvent, ReceiveLettersResult

SQS = boto3.client("sqs")
LOGGER = Logger(service="dead-letters")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: ReceiveLettersEvent, context: LambdaContext) -> ReceiveLettersResult:
    letters = receive_letters(SQS, event)
    LOGGER.info("letters received", letters=len(letters))
    return {"letters": letters}
