"""Tells until when a recipient wants to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from lambdas.notification.logic.find_quiet_end import find_quiet_end
from lambdas.notification.payloads import QuietEnd

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.notification.payloads import FindQuietEndEvent

LOGGER = Logger(service="notification")


@LOGGER.inject_lambda_context(correlation_id_path="notificationId")
def handler(event: FindQuietEndEvent, context: LambdaContext) -> QuietEnd:
    until = find_quiet_end(event["zone"], event["start"], event["end"], datetime.now(UTC))
    LOGGER.info("quiet hours looked up", zone=event["zone"], until=until)
    return QuietEnd(until=until)
