"""POST /orders: takes an order, once a client's key, and leaves it in the queue of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.front.client_key import client_key
from lambdas.front.http import answer, caller_of, http_proxy, json_body
from lambdas.order.environments import AcceptOrderEnvironment
from lambdas.order.logic.accept_order import BODY_BYTES_MAX, accept_order

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

DYNAMODB = boto3.client("dynamodb")
SQS = boto3.client("sqs")


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    environment = AcceptOrderEnvironment.read()
    key, body = client_key(event), json_body(event, BODY_BYTES_MAX)
    order_id = accept_order(DYNAMODB, SQS, environment, caller_of(event), key, body)
    accepted = {"orderId": order_id, "status": "ACCEPTED"}
    return answer(202, accepted, {"location": f"/orders/{order_id}"})
