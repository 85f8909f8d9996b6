"""POST /webhooks/releases: takes what the source host signed, once, and answers at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.front.http import answer, http_proxy, raw_body
from lambdas.release.environments import AcceptReleaseEnvironment
from lambdas.release.logic.accept_release import BODY_BYTES_MAX, Clients, accept_release
from lambdas.release.logic.signature import check_signature

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.environment import SecretArn
    from lambdas.front.http import Answer, HttpEvent

# Together shorter than the function's time-out: the host gets an answer.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
CLIENTS = Clients(
    dynamodb=boto3.client("dynamodb", config=CONFIG), sqs=boto3.client("sqs", config=CONFIG)
)
SECRETS = boto3.client("secretsmanager", config=CONFIG)


def webhook_secret(secret: SecretArn) -> bytes:
    """Read each time: releases are rare, and a secret that was changed counts at once."""
    return str(SECRETS.get_secret_value(SecretId=secret)["SecretString"]).encode()


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    environment, now_s = AcceptReleaseEnvironment.read(), int(time.time())
    body = raw_body(event, BODY_BYTES_MAX)
    secret = webhook_secret(environment.webhook_secret)
    signature = check_signature(event, secret, body)
    accepted = accept_release(CLIENTS, environment, event["headers"], body, signature, now_s)
    return answer(202 if "buildId" in accepted else 200, accepted)
