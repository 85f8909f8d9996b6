"""A report provider that takes its time, and delivers into the bucket it is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.sandbox.environments import ReportProviderEnvironment
from lambdas.sandbox.logic.report_provider import fetch_report, request_report

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.report.payloads import FetchAnswer, FetchRequest, ReportRequest, ReportRequested

DYNAMODB = boto3.client("dynamodb")
S3 = boto3.client("s3")
LOGGER = Logger(service="report-provider")


@LOGGER.inject_lambda_context
def handler(
    event: ReportRequest | FetchRequest, context: LambdaContext
) -> ReportRequested | FetchAnswer:
    environment = ReportProviderEnvironment.read()
    now_s = int(time.time())
    if event["action"] == "request":
        requested = request_report(DYNAMODB, environment, event, now_s)
        LOGGER.info("report requested", reportId=requested["reportId"])
        return requested
    answer = fetch_report(DYNAMODB, S3, environment, event["reportId"], now_s)
    LOGGER.info("report fetched", reportId=event["reportId"], status=answer["status"])
    return answer
