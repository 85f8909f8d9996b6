"""Puts an order into the queue that feeds the workflow, once a client's key.

The order's id follows from the caller and the key, so whatever is lost on the way, the same request
leads to the same order: the queue may carry it twice, the execution has its name once.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lambdas.front.client_key import claim, record_step, request_id
from lambdas.front.http import Refusal
from lambdas.front.payloads import StartMessage
from lambdas.order.errors import OrderInvalid
from lambdas.order.logic.validate_order import validate_order

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sqs import SQSClient

    from lambdas.order.environments import AcceptOrderEnvironment

# 99 lines with the longest skus take 15 kB.
BODY_BYTES_MAX = 32_768
QUEUED = "QUEUED"
# Who orders says the token, and which order it is, the key.
GIVEN_BY_THE_FRONT = ("orderId", "customerId")


def accept_order(
    dynamodb: DynamoDBClient,
    sqs: SQSClient,
    environment: AcceptOrderEnvironment,
    customer_id: str,
    key: str,
    body: object,
) -> str:
    """The order's id, when the order is in the queue."""
    order_id = request_id(customer_id, key)
    order = checked_order(order_id, customer_id, body)
    step = claim(dynamodb, environment.order_requests_table, order_id, customer_id, body)
    if step != QUEUED:
        sqs.send_message(
            QueueUrl=environment.order_buffer_queue,
            MessageBody=json.dumps(StartMessage(name=order_id, input=order)),
        )
        record_step(dynamodb, environment.order_requests_table, order_id, QUEUED)
    return order_id


def checked_order(order_id: str, customer_id: str, body: object) -> dict[str, object]:
    """The workflow's input; refused with 400 where it does not fit."""
    if not isinstance(body, dict):
        raise Refusal(400, "OrderInvalid", "order must be object")
    for field in GIVEN_BY_THE_FRONT:
        if field in body:
            raise Refusal(400, "OrderInvalid", f"order.{field} is not the client's to say")
    order = {**body, "orderId": order_id, "customerId": customer_id}
    try:
        validate_order(order, datetime.now(UTC))
    except OrderInvalid as error:
        raise Refusal(400, "OrderInvalid", str(error)) from error
    return order
