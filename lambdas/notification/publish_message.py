"""Sends text messages and push notifications through SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.notification.environments import SendEnvironment
from lambdas.notification.logic.publish_message import SnsProvider
from lambdas.notification.provider_task import LOGGER, send_once

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.notification.payloads import SendEvent, SendResult

# One attempt: the state machine retries, with back-off and jitter.
SNS = boto3.client(
    "sns", config=Config(connect_timeout=2, read_timeout=6, retries={"total_max_attempts": 1})
)


@LOGGER.inject_lambda_context(correlation_id_path="notificationId")
def handler(event: SendEvent, context: LambdaContext) -> SendResult:
    table = SendEnvironment.read().idempotency_table
    return send_once(SnsProvider(SNS), event, table, context)
