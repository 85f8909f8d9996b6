"""Sends e-mail through SES."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.notification.environments import SendEmailEnvironment
from lambdas.notification.logic.send_email import SesProvider
from lambdas.notification.provider_task import LOGGER, send_once

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.notification.payloads import SendEvent, SendResult

# One attempt: the state machine retries, with back-off and jitter.
SES = boto3.client(
    "sesv2", config=Config(connect_timeout=2, read_timeout=6, retries={"total_max_attempts": 1})
)


@LOGGER.inject_lambda_context(correlation_id_path="notificationId")
def handler(event: SendEvent, context: LambdaContext) -> SendResult:
    environment = SendEmailEnvironment.read()
    provider = SesProvider(SES, environment.sender)
    return send_once(provider, event, environment.idempotency_table, context)
