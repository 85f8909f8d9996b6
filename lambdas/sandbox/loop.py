"""The mistake that the hop count and the cost guard are for: a function that sends to the queue
that it is triggered by. Slowly, so that a loop that is let go costs little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.hops import hops_attribute
from lambdas.message_batch import handle_each
from lambdas.sandbox.environments import LoopEnvironment
from lambdas.sandbox.logic.loop import next_message

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, Message, MessageBatch

SQS = boto3.client("sqs")
LOGGER = Logger(service="loop")
DELAY_SECONDS = 5


def handle_message(message: Message) -> None:
    environment = LoopEnvironment.read()
    attributes = {name: one["stringValue"] for name, one in message["messageAttributes"].items()}
    to = next_message(attributes, int(environment.loop_hops_max))
    SQS.send_message(
        QueueUrl=environment.loop_dead_letters if to.aside else environment.loop_queue,
        MessageBody=message["body"],
        MessageAttributes=hops_attribute(to.hops),
        DelaySeconds=0 if to.aside else DELAY_SECONDS,
    )
    LOGGER.info("sent on", aside=to.aside, hops=to.hops)


@LOGGER.inject_lambda_context
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return handle_each(event, handle_message, LOGGER)
