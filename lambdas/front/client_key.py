"""The client's key (the header Idempotency-Key): one request a caller and key, for ever.

Caller and key make the request's id. A conditional write of the id decides who is first; whoever
comes later with the same body goes on where the first one stopped, and with another body is
refused. The header and its statuses are those of the IETF's draft:
https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.front.http import HttpEvent, Refusal

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName

CLAIMED = "CLAIMED"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def client_key(event: HttpEvent) -> str:
    key = str(event["headers"].get("idempotency-key", ""))
    if not _KEY.fullmatch(key):
        raise Refusal(
            400,
            "IdempotencyKeyMissing",
            "the header Idempotency-Key has to have 1 to 255 visible ASCII characters",
        )
    return key


def request_id(caller: str, key: str) -> str:
    """Nobody else's: the caller is part of it."""
    return hashlib.sha256(json.dumps([caller, key]).encode()).hexdigest()[:32]


def claim(
    dynamodb: DynamoDBClient, table: TableName, request: str, caller: str, body: object
) -> str:
    """The step at which the request stands: CLAIMED, or what `record_step` has recorded since.
    Refused with 422 where the key came with another body before."""
    body_hash = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                "requestId": {"S": request},
                "caller": {"S": caller},
                "bodyHash": {"S": body_hash},
                "step": {"S": CLAIMED},
                "claimedAt": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
            },
            ConditionExpression="attribute_not_exists(requestId)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        first = cast(Any, error.response)["Item"]
        if first["bodyHash"]["S"] != body_hash:
            raise Refusal(
                422, "IdempotencyKeyReused", "this Idempotency-Key came with another body before"
            ) from error
        return str(first["step"]["S"])
    return CLAIMED


def record_step(dynamodb: DynamoDBClient, table: TableName, request: str, step: str) -> None:
    dynamodb.update_item(
        TableName=table,
        Key={"requestId": {"S": request}},
        UpdateExpression="SET step = :step",
        ExpressionAttributeValues={":step": {"S": step}},
    )
