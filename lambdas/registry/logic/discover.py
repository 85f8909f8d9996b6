"""Which instances a service has now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import fastjsonschema

from lambdas.registry.logic.requests import SERVICE_NAME, checked
from lambdas.registry.payloads import Instance

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName

_check_service = fastjsonschema.compile(
    {
        "type": "object",
        "required": ["service"],
        "additionalProperties": False,
        "properties": {"service": {"type": "string", "pattern": SERVICE_NAME}},
    }
)


def discover(
    dynamodb: DynamoDBClient, table: TableName, service: str, now_s: int
) -> list[Instance]:
    """Those whose heartbeat is not overdue."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="#service = :service",
        FilterExpression="expiresAt > :now",
        ExpressionAttributeNames={"#service": "service"},
        ExpressionAttributeValues={":service": {"S": service}, ":now": {"N": str(now_s)}},
    )
    return [
        cast(
            Instance,
            {**json.loads(item["found"]["S"]), "expiresAt": int(item["expiresAt"]["N"])},
        )
        for page in pages
        for item in page["Items"]
    ]


def service_of(body: object) -> str:
    """The body of POST /discover."""
    return str(checked(_check_service, body, "discovery")["service"])
