"""POST /operations: starts an operation, once a client's key, and answers with links to poll."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.front.client_key import client_key
from lambdas.front.http import answer, caller_of, http_proxy, json_body
from lambdas.operation.environments import StartOperationEnvironment
from lambdas.operation.logic.start_operation import (
    BODY_BYTES_MAX,
    POLL_AFTER_S,
    Clients,
    start_operation,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

CLIENTS = Clients(
    dynamodb=boto3.client("dynamodb"),
    sqs=boto3.client("sqs"),
    # A link is good for one region's endpoint, and signed with the version that all regions know.
    s3=boto3.client(
        "s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    ),
    cloudwatch=boto3.client("cloudwatch"),
)


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    environment = StartOperationEnvironment.read()
    key, body = client_key(event), json_body(event, BODY_BYTES_MAX)
    now = datetime.now(UTC)
    links = start_operation(CLIENTS, environment, caller_of(event), key, body, now)
    return answer(202, links, {"retry-after": str(POLL_AFTER_S)})
