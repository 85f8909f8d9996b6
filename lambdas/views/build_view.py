"""Writes a version of a day's batch view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.views.environments import BuildViewEnvironment
from lambdas.views.logic.build_view import build_view

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.views.payloads import BuildViewEvent, Totals

S3 = boto3.client("s3")
LOGGER = Logger(service="views")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: BuildViewEvent, context: LambdaContext) -> Totals:
    counted = build_view(S3, BuildViewEnvironment.read().sales_bucket, event)
    LOGGER.info("view built", day=event["day"], version=event["version"], counted=counted)
    return counted
