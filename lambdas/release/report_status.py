"""Tells the source host what becomes of a release's build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.release.environments import ReportStatusEnvironment
from lambdas.release.logic.report_status import SourceHost

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.release.payloads import StatusEvent, StatusReported

SECRETS = boto3.client("secretsmanager")
LOGGER = Logger(service="release")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: StatusEvent, context: LambdaContext) -> StatusReported:
    environment = ReportStatusEnvironment.read()
    token = SECRETS.get_secret_value(SecretId=environment.source_host_token)["SecretString"]
    reported = SourceHost(environment.source_host, token).report_status(event)
    LOGGER.info("status reported", state=event["state"], **reported)
    return reported
