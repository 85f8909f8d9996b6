"""Which deliveries have come. A delivery is known by its signature: the host signs the body and
not the delivery's id, which whoever repeats what he has heard could change.

A conditional write decides who is first. A delivery that came before and did not get as far as the
queue goes on; one that did is refused. Records are kept longer than a release is new, so that
nothing can be repeated after them either.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.front.http import Refusal

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName

CLAIMED = "CLAIMED"
QUEUED = "QUEUED"
# A delivery can be sent again for three days, by hand:
# https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
NEW_FOR_S = 3 * 86_400
CLOCKS_DIFFER_S = 300
KEPT_S = 2 * NEW_FOR_S


def claim_delivery(
    dynamodb: DynamoDBClient, table: TableName, signature: str, delivery_id: str, now_s: int
) -> None:
    """Refused with 409 where this delivery is in the queue already."""
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                "signature": {"S": signature},
                "deliveryId": {"S": delivery_id},
                "step": {"S": CLAIMED},
                "expiration": {"N": str(now_s + KEPT_S)},
            },
            ConditionExpression="attribute_not_exists(signature)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        first = cast(Any, error.response)["Item"]
        if first["step"]["S"] == QUEUED:
            came = first["deliveryId"]["S"]
            raise Refusal(409, "DeliveryRepeated", f"it came before, as {came}") from error


def record_queued(dynamodb: DynamoDBClient, table: TableName, signature: str) -> None:
    dynamodb.update_item(
        TableName=table,
        Key={"signature": {"S": signature}},
        UpdateExpression="SET step = :queued",
        ExpressionAttributeValues={":queued": {"S": QUEUED}},
    )
