"""Moves notifications on by what providers tell. An event that comes late or twice finds a state
that it may not follow, and changes nothing. Who unsubscribes gets nothing more: the recipient's
opt-out is written first, so that a repetition after a failure writes both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import fastjsonschema
from botocore.exceptions import ClientError

from lambdas.front.http import Refusal
from lambdas.notification.payloads import ProviderEvent
from lambdas.notification.states import MAY_FOLLOW, UNSUBSCRIBED

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.notification.environments import RecordEventsEnvironment

BODY_BYTES_MAX = 65_536

_check_schema = fastjsonschema.compile(
    json.loads((Path(__file__).parents[1] / "events.schema.json").read_text("utf-8"))
)


def checked_events(body: object) -> list[ProviderEvent]:
    """Refused with 400 and the field's path where the body does not fit."""
    try:
        _check_schema(body, name_prefix="body")
    except fastjsonschema.JsonSchemaValueException as error:
        raise Refusal(400, "EventsInvalid", error.message) from error
    return list(cast(Any, body)["events"])


def record_events(
    dynamodb: DynamoDBClient,
    environment: RecordEventsEnvironment,
    events: Sequence[ProviderEvent],
) -> int:
    """How many of them changed something."""
    for event in events:
        if event["event"] == UNSUBSCRIBED:
            opt_out(dynamodb, environment, event["notificationId"])
    return sum(record_event(dynamodb, environment, event) for event in events)


def opt_out(
    dynamodb: DynamoDBClient, environment: RecordEventsEnvironment, notification_id: str
) -> None:
    """The recipient gets nothing more on the notification's channel."""
    log: Any = dynamodb.get_item(
        TableName=environment.log_table,
        Key={"notificationId": {"S": notification_id}},
        ProjectionExpression="recipientId, channel",
    ).get("Item")
    if not log:
        return
    try:
        dynamodb.update_item(
            TableName=environment.recipients_table,
            Key={"recipientId": log["recipientId"]},
            UpdateExpression="ADD optedOut :channel",
            ConditionExpression="attribute_exists(recipientId)",
            ExpressionAttributeValues={":channel": {"SS": [log["channel"]["S"]]}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def record_event(
    dynamodb: DynamoDBClient, environment: RecordEventsEnvironment, event: ProviderEvent
) -> bool:
    """Whether it moved the notification on."""
    before = {f":before{n}": {"S": one} for n, one in enumerate(MAY_FOLLOW[event["event"]])}
    change = {"state": {"S": event["event"]}, "at": {"S": event["at"]}}
    try:
        dynamodb.update_item(
            TableName=environment.log_table,
            Key={"notificationId": {"S": event["notificationId"]}},
            UpdateExpression="SET #state = :state, changes = list_append(changes, :change)",
            ConditionExpression=f"#state IN ({', '.join(before)})",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":state": {"S": event["event"]},
                ":change": {"L": [{"M": change}]},
                **cast(Any, before),
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
