"""Tells the source host what becomes of a release's build."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from lambdas.release.environments import ReportStatusEnvironment
from lambdas.release.logic.report_status import SourceHost

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.environment import SecretArn
    from lambdas.release.payloads import StatusEvent, StatusReported

SECRETS = boto3.client("secretsmanager")
SECRET_KEPT_S = 300
LOGGER = Logger(service="release")


@cache
def token(secret: SecretArn, period: int) -> str:
    """A token that was changed is read again with the next period."""
    return str(SECRETS.get_secret_value(SecretId=secret)["SecretString"])


@LOGGER.inject_lambda_context(correlation_id_path="repository")
def handler(event: StatusEvent, context: LambdaContext) -> StatusReported:
    environment = ReportStatusEnvironment.read()
    key = token(environment.source_host_token, int(time.time()) // SECRET_KEPT_S)
    reported = SourceHost(environment.source_host, key).report_status(event)
    LOGGER.info("status reported", state=event["state"], **reported)
    return reported
