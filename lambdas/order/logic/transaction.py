"""One DynamoDB transaction, and why it was cancelled.

A cancelled transaction has written nothing. Its reasons stand in the order of its items:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.order.errors import TransactionConflict

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

CONDITION_FAILED = "ConditionalCheckFailed"
TRY_AGAIN = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"})

Reason = Mapping[str, Any]


def write_transaction(
    dynamodb: DynamoDBClient, items: Sequence[TransactWriteItemTypeDef]
) -> Sequence[Reason]:
    """Empty when everything is written; else one reason an item, of which at least one is
    CONDITION_FAILED. TransactionConflict when the same call may succeed later."""
    try:
        dynamodb.transact_write_items(TransactItems=items)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        reasons = cast(Sequence[Reason], cast(Any, error.response)["CancellationReasons"])
        codes = {reason["Code"] for reason in reasons} - {"None"}
        if codes & TRY_AGAIN:
            raise TransactionConflict(error.response["Error"]["Message"]) from error
        if codes != {CONDITION_FAILED}:
            raise
        return reasons
    return ()
