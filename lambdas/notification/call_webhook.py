"""Posts notifications to the recipients' own web servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.notification.environments import SendEnvironment
from lambdas.notification.logic.call_webhook import WebhookProvider
from lambdas.notification.provider_task import LOGGER, send_once

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.notification.payloads import SendEvent, SendResult


@LOGGER.inject_lambda_context(correlation_id_path="notificationId")
def handler(event: SendEvent, context: LambdaContext) -> SendResult:
    table = SendEnvironment.read().idempotency_table
    return send_once(WebhookProvider(), event, table, context)
