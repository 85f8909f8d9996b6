"""What the providers' functions share: the port, and sending once.

The key is the notification and its channel. A message that comes again, from the queue or from a
retry, gets the answer that the first one had; while the first one is at work it is told to wait
(IdempotencyAlreadyInProgressError). Only what was sent is recorded: after an error the record is
deleted, so that a retry asks again. A function that is killed between the provider's answer and the
record sends twice: providers that know the notification's id as a key of their own do not.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from lambdas.notification.payloads import SendResult

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.environment import TableName
    from lambdas.notification.payloads import SendEvent

# Longer than a message can live: 4 days in its queue, 14 among the dead letters.
RECORD_KEPT_S = 30 * 24 * 3600

DYNAMODB = boto3.client("dynamodb")
LOGGER = Logger(service="notification")


class Provider(Protocol):
    """A way to reach people."""

    def send(self, message: SendEvent) -> str:
        """The provider's id of the message. RecipientRefused, ProviderUnavailable."""
        ...


@cache
def sent_records(table: TableName) -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(table_name=table, boto3_client=DYNAMODB)


def send_once(
    provider: Provider, event: SendEvent, table: TableName, context: LambdaContext
) -> SendResult:
    def send(*, event: SendEvent) -> SendResult:
        return SendResult(providerMessageId=provider.send(event))

    once = idempotent_function(
        send,
        data_keyword_argument="event",
        persistence_store=sent_records(table),
        config=IdempotencyConfig(
            event_key_jmespath="[notificationId, channel]",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=RECORD_KEPT_S,
            lambda_context=context,
        ),
        key_prefix="send_notification",
    )
    result: SendResult = once(event=event)
    LOGGER.info("sent", channel=event["channel"], providerMessageId=result["providerMessageId"])
    return result
