"""The mistake that the hop count and the cost guard are for: a function that sends to the queue
that it is triggered by. Slowly, so that a loop that is let go costs little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from lambdas.hops import hops_attribute
from lambdas.sandbox.environments import LoopEnvironment
from lambdas.sandbox.logic.loop import next_message

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

SQS = boto3.client("sqs")
LOGGER = Logger(service="loop")
DELAY_SECONDS = 5


def handle_record(record: SQSRecord) -> None:
    environment = LoopEnvironment.read()
    attributes = {name: one.string_value for name, one in record.message_attributes.items()}
    to = next_message(attributes, int(environment.loop_hops_max))
    SQS.send_message(
        QueueUrl=environment.loop_dead_letters if to.aside else environment.loop_queue,
        MessageBody=record.body,
        MessageAttributes=hops_attribute(to.hops),
        DelaySeconds=0 if to.aside else DELAY_SECONDS,
    )
    LOGGER.info("sent on", aside=to.aside, hops=to.hops)


@LOGGER.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
