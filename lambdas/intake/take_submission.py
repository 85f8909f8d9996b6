"""POST /submissions: starts the workflow, waits for it, and answers with what it says: as JSON to
the page's script and to programs, as a page to a form that is sent without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from lambdas.intake.environments import TakeSubmissionEnvironment
from lambdas.intake.logic.take_submission import WAIT_SECONDS, take_submission

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer, HttpEvent

# One attempt: the page tries again, with the same key.
STEP_FUNCTIONS = boto3.client(
    "stepfunctions",
    config=Config(connect_timeout=2, read_timeout=WAIT_SECONDS, retries={"total_max_attempts": 1}),
)
LOGGER = Logger(service="intake")


@LOGGER.inject_lambda_context(correlation_id_path="requestContext.requestId")
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    machine = TakeSubmissionEnvironment.read().intake_machine
    answer = take_submission(STEP_FUNCTIONS, machine, event)
    LOGGER.info("submission answered", status=answer["statusCode"])
    return answer
