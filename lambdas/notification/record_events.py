"""POST /callbacks: records what became of notifications, as providers tell it under a signature."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

import boto3

from lambdas.front.http import answer, http_proxy, json_body
from lambdas.notification.environments import RecordEventsEnvironment
from lambdas.notification.logic.record_events import BODY_BYTES_MAX, checked_events, record_events
from lambdas.notification.logic.signature import check_signature, used_once

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.environment import SecretArn
    from lambdas.front.http import Answer, HttpEvent

DYNAMODB = boto3.client("dynamodb")
SECRETS = boto3.client("secretsmanager")
SECRET_KEPT_S = 300


@lru_cache(maxsize=1)
def callback_secret(secret: SecretArn, period: int) -> bytes:
    """A secret that was changed is read again with the next period."""
    return str(SECRETS.get_secret_value(SecretId=secret)["SecretString"]).encode()


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    environment, now_s = RecordEventsEnvironment.read(), int(time.time())
    secret = callback_secret(environment.callback_secret, now_s // SECRET_KEPT_S)
    body = json_body(event, BODY_BYTES_MAX)
    signature = check_signature(event, secret, now_s)
    events = checked_events(body)
    with used_once(DYNAMODB, environment.used_signatures_table, signature, now_s):
        recorded = record_events(DYNAMODB, environment, events)
    return answer(200, {"recorded": recorded, "ignored": len(events) - recorded})
