"""Reads what a day's batch view has to come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.views.environments import ReadManifestEnvironment
from lambdas.views.logic.read_manifest import read_manifest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.views.payloads import ReadManifestEvent, Totals

DYNAMODB = boto3.client("dynamodb")
LOGGER = Logger(service="views")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: ReadManifestEvent, context: LambdaContext) -> Totals:
    expected = read_manifest(DYNAMODB, ReadManifestEnvironment.read().counters_table, event)
    LOGGER.info("manifest read", day=event["day"], expected=expected)
    return expected
