"""The payment provider's ledger: one item a charge, keyed by the caller's idempotency key.

A key is charged once; asked again it answers the same charge. A declined card leaves no item: the
customer may have money tomorrow. The item `#outage` makes the next calls fail:

    {"idempotencyKey": "#outage", "failuresLeft": 3}
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.order.payloads import ChargeAnswer, Charged, ChargeRequest, Declined

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from lambdas.sandbox.environments import PaymentProviderEnvironment

OUTAGE_KEY = "#outage"
DECLINED_TOKEN = "tok_declined"


class ProviderOutageError(Exception):
    """The provider does not answer at the moment."""


class IdempotencyKeyReusedError(Exception):
    """The key has been charged another amount: nothing is charged."""


def charge_card(
    dynamodb: DynamoDBClient, environment: PaymentProviderEnvironment, request: ChargeRequest
) -> ChargeAnswer:
    """The charge of this key, made now or earlier, or why there is none."""
    if _outage_goes_on(dynamodb, environment):
        raise ProviderOutageError("the provider has an outage")
    charge = _charge_of(request)
    stored = _stored(dynamodb, environment, request)
    if stored is None and request["cardToken"] == DECLINED_TOKEN:
        return Declined(status="DECLINED", reason="the card was declined")
    if stored is None:
        stored = _put_once(dynamodb, environment, charge)
    if stored != charge:
        raise IdempotencyKeyReusedError(f"{request['idempotencyKey']} was charged another amount")
    return Charged(status="CHARGED", chargeId=charge["chargeId"]["S"])


def _charge_of(request: ChargeRequest) -> dict[str, AttributeValueTypeDef]:
    digest = hashlib.sha256(request["idempotencyKey"].encode()).hexdigest()
    return {
        "idempotencyKey": {"S": request["idempotencyKey"]},
        "chargeId": {"S": f"ch_{digest[:16]}"},
        "amountCents": {"N": str(request["amountCents"])},
        "currency": {"S": request["currency"]},
    }


def _stored(
    dynamodb: DynamoDBClient, environment: PaymentProviderEnvironment, request: ChargeRequest
) -> dict[str, AttributeValueTypeDef] | None:
    answer = dynamodb.get_item(
        TableName=environment.payments_table,
        Key={"idempotencyKey": {"S": request["idempotencyKey"]}},
        ConsistentRead=True,
    )
    return answer.get("Item")


def _put_once(
    dynamodb: DynamoDBClient,
    environment: PaymentProviderEnvironment,
    charge: dict[str, AttributeValueTypeDef],
) -> dict[str, AttributeValueTypeDef]:
    try:
        dynamodb.put_item(
            TableName=environment.payments_table,
            Item=charge,
            ConditionExpression="attribute_not_exists(idempotencyKey)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        stored: dict[str, AttributeValueTypeDef] = cast(Any, error.response)["Item"]
        return stored
    return charge


def _outage_goes_on(dynamodb: DynamoDBClient, environment: PaymentProviderEnvironment) -> bool:
    try:
        dynamodb.update_item(
            TableName=environment.payments_table,
            Key={"idempotencyKey": {"S": OUTAGE_KEY}},
            UpdateExpression="SET failuresLeft = failuresLeft - :one",
            ConditionExpression="failuresLeft > :zero",
            ExpressionAttributeValues={":one": {"N": "1"}, ":zero": {"N": "0"}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
