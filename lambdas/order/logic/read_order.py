"""What is stored of an order: its business state, or that it was accepted and waits.

Somebody else's order is answered as one that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.front.http import Refusal

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.order.environments import ReadOrderEnvironment

# Texts of the orders table that are the customer's to know.
SHOWN = ("orderId", "status", "receivedAt", "shipAt", "currency", "reason", "completedAt")


def read_order(
    dynamodb: DynamoDBClient, environment: ReadOrderEnvironment, customer_id: str, order_id: str
) -> dict[str, object]:
    stored = dynamodb.get_item(
        TableName=environment.orders_table,
        Key={"orderId": {"S": order_id}},
        ConsistentRead=True,
    ).get("Item", {})
    if stored.get("customerId") == {"S": customer_id}:
        shown = {name: stored[name]["S"] for name in SHOWN if name in stored}
        return {**shown, "totalCents": int(stored["totalCents"]["N"])}
    request = dynamodb.get_item(
        TableName=environment.order_requests_table,
        Key={"requestId": {"S": order_id}},
        ConsistentRead=True,
    ).get("Item", {})
    if request.get("caller") == {"S": customer_id}:
        return {"orderId": order_id, "status": "ACCEPTED"}
    raise Refusal(404, "OrderUnknown", f"there is no order {order_id}")
