"""Starts the executions that wait in a queue; a message that fails is tried again alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from lambdas.front.environments import StartExecutionEnvironment
from lambdas.front.logic.start_execution import start_execution
from lambdas.message_batch import handle_each

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, Message, MessageBatch

# One attempt: the queue tries again.
STEP_FUNCTIONS = boto3.client(
    "stepfunctions",
    config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
)
LOGGER = Logger(service="front")


def handle_message(message: Message) -> None:
    machine = StartExecutionEnvironment.read().state_machine
    start = json.loads(message["body"])
    started = start_execution(STEP_FUNCTIONS, machine, start)
    LOGGER.info("execution started", execution=start["name"], started=started)


@LOGGER.inject_lambda_context
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return handle_each(event, handle_message, LOGGER)
