"""Takes card numbers and e-mail addresses out of a message's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.filters.hop import LOGGER, run_filter
from lambdas.filters.logic.redact import redact

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


@LOGGER.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return run_filter(redact, event, context)
