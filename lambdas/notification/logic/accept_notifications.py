"""Puts notifications into the queues of their recipients' first channels, once a client's key.

A notification's id follows from the caller, the key and its place in the request, and its channel
is read back from its log: whatever is lost on the way, the same request leads to the same messages.
A queue may carry one twice; the log and the provider's record let it be sent once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import fastjsonschema
from botocore.exceptions import ClientError

from lambdas.front.client_key import claim, record_step, request_id
from lambdas.front.http import Refusal
from lambdas.notification.payloads import CHANNELS, Channel, Message, NotificationRequest
from lambdas.notification.states import CREATED

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sqs import SQSClient

    from lambdas.notification.environments import AcceptNotificationsEnvironment

# What a batch carries is a state's limit at the most.
BODY_BYTES_MAX = 262_144
NOTIFICATIONS_MAX = 25
ENTRIES_MAX = 10
QUEUED = "QUEUED"

_NOTIFICATION = json.loads((Path(__file__).parents[1] / "notification.schema.json").read_text())
_check_one = fastjsonschema.compile(_NOTIFICATION)
_check_several = fastjsonschema.compile(
    {
        "type": "object",
        "properties": {
            "notifications": {
                "type": "array",
                "minItems": 1,
                "maxItems": NOTIFICATIONS_MAX,
                "items": _NOTIFICATION,
            }
        },
        "required": ["notifications"],
        "additionalProperties": False,
    }
)


def checked_requests(body: object, *, several: bool) -> list[NotificationRequest]:
    """What is asked for; Refused with 400 and the field's path where it does not fit."""
    try:
        (_check_several if several else _check_one)(body, name_prefix="body")
    except fastjsonschema.JsonSchemaValueException as error:
        raise Refusal(400, "NotificationInvalid", error.message) from error
    found = cast(Any, body)
    return list(found["notifications"]) if several else [found]


def accept_notifications(
    dynamodb: DynamoDBClient,
    sqs: SQSClient,
    environment: AcceptNotificationsEnvironment,
    caller: str,
    key: str,
    requests: Sequence[NotificationRequest],
) -> list[str]:
    """The notifications' ids, when all of them are in their queues."""
    request = request_id(caller, key)
    messages = [
        Message(
            notificationId=request_id(caller, f"{key} {place}"),
            recipientId=asked["recipientId"],
            subject=asked["subject"],
            text=asked["text"],
            channel=first_channel(dynamodb, environment, asked["recipientId"], place),
            tried=[],
        )
        for place, asked in enumerate(requests)
    ]
    table = environment.notification_requests_table
    if claim(dynamodb, table, request, caller, requests) != QUEUED:
        for message in messages:
            message["channel"] = begin_log(dynamodb, environment, message)
        for url, entries in batches(environment, messages):
            if sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed"):
                raise Refusal(503, "TryAgain", "repeat the request with the same key")
        record_step(dynamodb, table, request, QUEUED)
    return [message["notificationId"] for message in messages]


def first_channel(
    dynamodb: DynamoDBClient,
    environment: AcceptNotificationsEnvironment,
    recipient_id: str,
    place: int,
) -> Channel:
    """Where the recipient wants to be reached first."""
    found: Any = dynamodb.get_item(
        TableName=environment.recipients_table,
        Key={"recipientId": {"S": recipient_id}},
        ProjectionExpression="channels",
    ).get("Item", {})
    channels = [one["M"]["channel"]["S"] for one in found.get("channels", {}).get("L", [])]
    if not channels or channels[0] not in CHANNELS:
        raise Refusal(
            400,
            "RecipientUnknown",
            f"notification {place}: nobody knows recipientId {recipient_id}",
        )
    return cast(Channel, channels[0])


def begin_log(
    dynamodb: DynamoDBClient, environment: AcceptNotificationsEnvironment, message: Message
) -> Channel:
    """The channel that the log began with, now or at an earlier attempt."""
    change = {
        "state": {"S": CREATED},
        "channel": {"S": message["channel"]},
        "at": {"S": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")},
    }
    try:
        dynamodb.put_item(
            TableName=environment.log_table,
            Item={
                "notificationId": {"S": message["notificationId"]},
                "recipientId": {"S": message["recipientId"]},
                "state": {"S": CREATED},
                "channel": {"S": message["channel"]},
                "hop": {"N": "0"},
                "changes": {"L": [{"M": change}]},
            },
            ConditionExpression="attribute_not_exists(notificationId)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        first = cast(Any, error.response)["Item"]["changes"]["L"][0]["M"]
        return cast(Channel, first["channel"]["S"])
    return message["channel"]


def batches(
    environment: AcceptNotificationsEnvironment, messages: Sequence[Message]
) -> Iterator[tuple[str, list[Any]]]:
    """Each queue's messages, ten at a time."""
    for channel in CHANNELS:
        url = str(getattr(environment, f"{channel}_queue"))
        bodies = [json.dumps(m, ensure_ascii=False) for m in messages if m["channel"] == channel]
        for start in range(0, len(bodies), ENTRIES_MAX):
            some = bodies[start : start + ENTRIES_MAX]
            yield url, [{"Id": str(n), "MessageBody": body} for n, body in enumerate(some)]
