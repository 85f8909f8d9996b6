"""A provider that keeps what it is given, and how often. An item of the table makes it behave:
`{"messageId": "#email", "down": true}` is an outage of a channel, and an address that begins with
`refused` is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.notification.errors import ProviderUnavailable, RecipientRefused

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName
    from lambdas.notification.payloads import SendEvent


class RecordingProvider:
    def __init__(self, dynamodb: DynamoDBClient, table: TableName) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def send(self, message: SendEvent) -> str:
        channel = message["channel"]
        settings = self._dynamodb.get_item(
            TableName=self._table, Key={"messageId": {"S": f"#{channel}"}}, ConsistentRead=True
        ).get("Item", {})
        if settings.get("down", {}).get("BOOL"):
            raise ProviderUnavailable(f"the provider of {channel} has an outage")
        if message["address"].startswith("refused"):
            raise RecipientRefused(f"{message['address']} does not exist")
        message_id = f"{message['notificationId']}-{channel}"
        self._dynamodb.update_item(
            TableName=self._table,
            Key={"messageId": {"S": message_id}},
            UpdateExpression="SET address = :address, subject = :subject ADD times :one",
            ExpressionAttributeValues={
                ":address": {"S": message["address"]},
                ":subject": {"S": message["subject"]},
                ":one": {"N": "1"},
            },
        )
        return message_id
