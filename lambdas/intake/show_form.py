"""GET /: the page with the form."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from aws_lambda_powertools import Logger

from lambdas.intake.logic.show_form import page_answer

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.front.http import Answer

LOGGER = Logger(service="intake")


@LOGGER.inject_lambda_context(correlation_id_path="requestContext.requestId")
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    return page_answer(200, key=str(uuid4()))
