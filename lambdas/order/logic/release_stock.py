"""Puts a reservation's quantities back into the stock and marks it RELEASED, in one transaction.

The transaction holds only while the reservation is RESERVED with the quantities that were read,
so the stock is given back once, however often and by however many it is called. The released
reservation remembers whether the card may have been charged, until the stock is reserved again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdas.order.errors import TransactionConflict
from lambdas.order.logic.transaction import write_transaction

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.order.environments import ReleaseStockEnvironment


def release_stock(
    dynamodb: DynamoDBClient,
    environment: ReleaseStockEnvironment,
    order_id: str,
    *,
    charge_uncertain: bool,
) -> bool:
    """Whether this call released something; false when the order holds no stock (any more).
    TransactionConflict when the reservation changed while it was being released."""
    answer = dynamodb.get_item(
        TableName=environment.reservations_table,
        Key={"orderId": {"S": order_id}},
        ConsistentRead=True,
    )
    reservation = answer.get("Item")
    if reservation is None or reservation["status"]["S"] != "RESERVED":
        return False
    quantities = reservation["quantities"]["M"]
    items = release_items(environment, order_id, quantities, charge_uncertain=charge_uncertain)
    if write_transaction(dynamodb, items):
        raise TransactionConflict(f"the reservation of order {order_id} changed meanwhile")
    return True


def release_items(
    environment: ReleaseStockEnvironment,
    order_id: str,
    quantities: Mapping[str, Any],
    *,
    charge_uncertain: bool,
) -> list[TransactWriteItemTypeDef]:
    """The transaction: the reservation first, then the stock."""
    reservation: TransactWriteItemTypeDef = {
        "Update": {
            "TableName": environment.reservations_table,
            "Key": {"orderId": {"S": order_id}},
            "UpdateExpression": "SET #status = :released, chargeUncertain = :uncertain",
            "ConditionExpression": "#status = :reserved AND quantities = :quantities",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                ":released": {"S": "RELEASED"},
                ":reserved": {"S": "RESERVED"},
                ":quantities": {"M": quantities},
                ":uncertain": {"BOOL": charge_uncertain},
            },
        }
    }
    stock: list[TransactWriteItemTypeDef] = [
        {
            "Update": {
                "TableName": environment.stock_table,
                "Key": {"sku": {"S": sku}},
                "UpdateExpression": "ADD available :quantity",
                "ExpressionAttributeValues": {":quantity": quantity},
            }
        }
        for sku, quantity in quantities.items()
    ]
    return [reservation, *stock]
