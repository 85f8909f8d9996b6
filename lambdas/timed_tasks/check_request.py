"""Checks a request of a timed task, and says when the task is due."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from lambdas.timed_tasks.logic.check_request import check_request

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.timed_tasks.payloads import CheckRequestEvent, Plan

LOGGER = Logger(service="timed-tasks")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: CheckRequestEvent, context: LambdaContext) -> Plan:
    now = datetime.fromisoformat(event["now"])
    plan = check_request(event["request"], now, event["workflows"])
    LOGGER.info("request checked", action=plan["action"], task=plan["taskId"])
    return plan
