"""POST /notifications and POST /notifications/batch: takes notifications, once a client's key, and
leaves each in the queue of its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.front.client_key import client_key
from lambdas.front.http import answer, caller_of, http_proxy, json_body
from lambdas.notification.environments import AcceptNotificationsEnvironment
from lambdas.notification.logic.accept_notifications import (
    BODY_BYTES_MAX,
    accept_notifications,
    checked_requests,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

DYNAMODB = boto3.client("dynamodb")
SQS = boto3.client("sqs")
BATCH = "POST /notifications/batch"


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    environment = AcceptNotificationsEnvironment.read()
    key, body = client_key(event), json_body(event, BODY_BYTES_MAX)
    several = event["routeKey"] == BATCH
    requests = checked_requests(body, several=several)
    ids = accept_notifications(DYNAMODB, SQS, environment, caller_of(event), key, requests)
    if several:
        return answer(202, {"notificationIds": ids})
    return answer(202, {"notificationId": ids[0]})
