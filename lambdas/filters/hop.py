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
from botocore.config import Config

from lambdas.filters.environments import FilterEnvironment
from lambdas.filters.errors import EventRefused
from lambdas.filters.logic.hop import filtered, parse_hop
from lambdas.filters.payloads import DETAIL_TYPE, SOURCE
from lambdas.message_batch import handle_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.filters.payloads import Hop, Item
    from lambdas.message_batch import FailedMessages, Message, MessageBatch

# One attempt: the queue tries again.
EVENTS = boto3.client(
    "events", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
)
LOGGER = Logger(service="filters")


def run_filter(apply: Callable[[Item], Item], batch: MessageBatch) -> FailedMessages:
    """Filter each message of the batch by `apply`."""

    def handle_message(message: Message) -> None:
        hop = filtered(parse_hop(message["body"]), apply)
        LOGGER.set_correlation_id(hop["itemId"])
        put_back(hop)
        LOGGER.info("filtered", passed=hop["passed"][-1])

    return handle_each(batch, handle_message, LOGGER)


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
