"""A warehouse that answers each hand-over with what it ships and what it has to order first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.message_batch import handle_each
from lambdas.sandbox.logic.warehouse import answer_hand_over, ship_lines

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, Message, MessageBatch

STEP_FUNCTIONS = boto3.client("stepfunctions")
LOGGER = Logger(service="warehouse")


def handle_message(message: Message) -> None:
    hand_over = json.loads(message["body"])
    LOGGER.set_correlation_id(hand_over["executionArn"])
    shipment = ship_lines(hand_over["lines"], hand_over["handOver"])
    answered = answer_hand_over(STEP_FUNCTIONS, hand_over["taskToken"], shipment)
    LOGGER.info("hand-over answered", orderId=hand_over["orderId"], answered=answered)


@LOGGER.inject_lambda_context
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return handle_each(event, handle_message, LOGGER)
