"""Completes the tasks that the messages of the completion queue name; a message that fails is tried
again alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from lambdas.completion.environments import CompleteTaskEnvironment
from lambdas.completion.logic.complete_task import Clients, complete_task
from lambdas.message_batch import handle_each

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, Message, MessageBatch

# One attempt: the queue tries again.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
CLIENTS = Clients(
    step_functions=boto3.client("stepfunctions", config=CONFIG),
    dynamodb=boto3.client("dynamodb", config=CONFIG),
    sqs=boto3.client("sqs", config=CONFIG),
)
LOGGER = Logger(service="completion")


def handle_message(message: Message) -> None:
    environment = CompleteTaskEnvironment.read()
    outcome = complete_task(CLIENTS, environment, message["body"], datetime.now(UTC))
    LOGGER.info("completion taken", outcome=outcome)


@LOGGER.inject_lambda_context
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return handle_each(event, handle_message, LOGGER)
