"""Sends nothing: the provider of development stages writes down what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.notification.environments import SendRecordedEnvironment
from lambdas.notification.logic.send_recorded import RecordingProvider
from lambdas.notification.provider_task import DYNAMODB, LOGGER, send_once

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.notification.payloads import SendEvent, SendResult


@LOGGER.inject_lambda_context(correlation_id_path="notificationId")
def handler(event: SendEvent, context: LambdaContext) -> SendResult:
    environment = SendRecordedEnvironment.read()
    provider = RecordingProvider(DYNAMODB, environment.recorded_table)
    return send_once(provider, event, environment.idempotency_table, context)
