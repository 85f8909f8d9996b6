"""POST /devices/{deviceId}/readings: for devices that do not speak MQTT."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.devices.environments import AcceptReadingEnvironment
from lambdas.devices.logic.accept_reading import BODY_BYTES_MAX, accept_reading
from lambdas.front.http import answer, caller_of, http_proxy, json_body

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

# Together shorter than the function's time-out: the device gets an answer.
SQS = boto3.client(
    "sqs", config=Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2})
)


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    device_id, body = event["pathParameters"]["deviceId"], json_body(event, BODY_BYTES_MAX)
    message = accept_reading(device_id, caller_of(event), body, now_ms=time.time_ns() // 1_000_000)
    queue = AcceptReadingEnvironment.read().device_queue
    SQS.send_message(QueueUrl=queue, MessageBody=json.dumps(message))
    return answer(202, {"deviceId": device_id, "measuredAtMs": message["measuredAtMs"]})
