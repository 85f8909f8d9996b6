"""POST /register, POST /heartbeat, DELETE /register: an instance comes, lives, and goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.front.http import answer, caller_of, http_proxy, json_body
from lambdas.registry.environments import RegistryEnvironment
from lambdas.registry.logic.keep_instance import Instances
from lambdas.registry.logic.requests import BODY_BYTES_MAX
from lambdas.registry.payloads import REGISTER, REMOVE

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

DYNAMODB = boto3.client(
    "dynamodb", config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})
)


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    instances = Instances(DYNAMODB, RegistryEnvironment.read().instances_table)
    caller, now_s = caller_of(event), int(time.time())
    if event["routeKey"] == REMOVE:
        instances.deregister(caller, event.get("queryStringParameters") or {})
        return answer(200, {})
    body = json_body(event, BODY_BYTES_MAX)
    if event["routeKey"] == REGISTER:
        return answer(201, instances.register(caller, body, now_s))
    return answer(200, {"expiresAt": instances.heartbeat(caller, body, now_s)})
