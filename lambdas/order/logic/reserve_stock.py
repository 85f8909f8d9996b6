"""Takes an order's quantities from the stock and records the reservation, in one transaction.

The reservation is what makes it idempotent: it is written only where the order holds none, so a
second call, or one after a lost answer, is cancelled by it and finds the order's own reservation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lambdas.order.errors import OrderInvalid, OutOfStock, OutOfStockAfterCharge
from lambdas.order.logic.transaction import CONDITION_FAILED, write_transaction

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.order.environments import ReserveStockEnvironment
    from lambdas.order.payloads import SkuQuantity


def reserve_stock(
    dynamodb: DynamoDBClient,
    environment: ReserveStockEnvironment,
    order_id: str,
    lines: Iterable[SkuQuantity],
) -> None:
    """Returns when the order holds exactly these quantities. OutOfStock names the skus that lack,
    OutOfStockAfterCharge too where an earlier run may have charged the card; OrderInvalid when
    the order already holds a reservation of other quantities."""
    quantities = total_quantities(lines)
    reasons = write_transaction(dynamodb, reservation_items(environment, order_id, quantities))
    if not reasons:
        return
    reservation, *stock = reasons
    if reservation["Code"] == CONDITION_FAILED:
        if reservation["Item"]["quantities"] != {"M": _numbers(quantities)}:
            raise OrderInvalid(f"order {order_id} already holds a reservation of other quantities")
        return
    lacking = [
        f"{sku} (asked for {quantity})"
        for (sku, quantity), reason in zip(quantities.items(), stock, strict=True)
        if reason["Code"] == CONDITION_FAILED
    ]
    message = f"not enough stock of {', '.join(lacking)}"
    if may_be_charged(dynamodb, environment, order_id):
        raise OutOfStockAfterCharge(f"{message}; order {order_id} may have been charged")
    raise OutOfStock(message)


def may_be_charged(
    dynamodb: DynamoDBClient, environment: ReserveStockEnvironment, order_id: str
) -> bool:
    """Whether an earlier run gave the stock back without knowing what the charge had come to."""
    answer = dynamodb.get_item(
        TableName=environment.reservations_table,
        Key={"orderId": {"S": order_id}},
        ConsistentRead=True,
    )
    return answer.get("Item", {}).get("chargeUncertain") == {"BOOL": True}


def total_quantities(lines: Iterable[SkuQuantity]) -> dict[str, int]:
    """Quantity by sku, sorted: a transaction may name an item once only, an order a sku twice."""
    total: Counter[str] = Counter()
    for line in lines:
        total[line["sku"]] += line["quantity"]
    return dict(sorted(total.items()))


def reservation_items(
    environment: ReserveStockEnvironment, order_id: str, quantities: dict[str, int]
) -> list[TransactWriteItemTypeDef]:
    """The transaction: the reservation first, then the stock in the order of `quantities`."""
    reservation: TransactWriteItemTypeDef = {
        "Put": {
            "TableName": environment.reservations_table,
            "Item": {
                "orderId": {"S": order_id},
                "status": {"S": "RESERVED"},
                "quantities": {"M": _numbers(quantities)},
            },
            "ConditionExpression": "attribute_not_exists(orderId) OR #status = :released",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":released": {"S": "RELEASED"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    stock: list[TransactWriteItemTypeDef] = [
        {
            "Update": {
                "TableName": environment.stock_table,
                "Key": {"sku": {"S": sku}},
                "UpdateExpression": "SET available = available - :quantity",
                "ConditionExpression": "available >= :quantity",
                "ExpressionAttributeValues": {":quantity": {"N": str(quantity)}},
            }
        }
        for sku, quantity in quantities.items()
    ]
    return [reservation, *stock]


def _numbers(quantities: dict[str, int]) -> dict[str, dict[str, str]]:
    return {sku: {"N": str(quantity)} for sku, quantity in quantities.items()}
