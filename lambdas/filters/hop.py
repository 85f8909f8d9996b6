"""The hop around each filter: takes the messages of its queue, and puts each item back onto the bus
with the next filter popped. A message that fails is tried again alone, and is still as it came.

PutEvents answers 200 also where it took nothing; the entry says so.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from botocore.config import Config

from lambdas.filters.environments import FilterEnvironment
from lambdas.filters.errors import EventRefused
from lambdas.filters.logic.hop import filtered, parse_hop
from lambdas.filters.payloads import DETAIL_TYPE, SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.filters.payloads import Hop, Item

# One attempt: the queue tries again.
EVENTS = boto3.client(
    "events", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
)
LOGGER = Logger(service="filters")


def run_filter(
    apply: Callable[[Item], Item], event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse:
    """Filter each message of the batch by `apply`."""

    def handle_record(record: SQSRecord) -> None:
        hop = filtered(parse_hop(record.body), apply)
        LOGGER.set_correlation_id(hop["itemId"])
        put_back(hop)
        LOGGER.info("filtered", passed=hop["passed"][-1])

    # Also when every message fails, only the messages have failed and not the function.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)


def put_back(hop: Hop) -> None:
    answer = EVENTS.put_events(
        Entries=[
            {
                "EventBusName": FilterEnvironment.read().filter_bus,
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Detail": json.dumps(hop),
            }
        ]
    )
    if answer["FailedEntryCount"]:
        refused = answer["Entries"][0]
        raise EventRefused(f"{refused['ErrorCode']}: {refused['ErrorMessage']}")
