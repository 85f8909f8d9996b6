"""A source host that keeps the last status of each tag. An item of the table makes it behave:
`{"tag": "#outage", "down": true}`; and it knows no tag that ends in `-gone`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.release.errors import SourceHostRefused, SourceHostUnavailable
from lambdas.release.payloads import StatusEvent, StatusReported

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName

OUTAGE = "#outage"
GONE_SUFFIX = "-gone"


def record_status(dynamodb: DynamoDBClient, table: TableName, event: StatusEvent) -> StatusReported:
    """SourceHostUnavailable, SourceHostRefused."""
    settings = dynamodb.get_item(
        TableName=table, Key={"tag": {"S": OUTAGE}}, ConsistentRead=True
    ).get("Item", {})
    if settings.get("down", {}).get("BOOL"):
        raise SourceHostUnavailable("the source host has an outage")
    if event["tag"].endswith(GONE_SUFFIX):
        raise SourceHostRefused(f"there is no tag {event['tag']}")
    dynamodb.put_item(
        TableName=table,
        Item={
            "tag": {"S": f"{event['repository']}@{event['tag']}"},
            "state": {"S": event["state"]},
            "description": {"S": event["description"]},
        },
    )
    return StatusReported()
