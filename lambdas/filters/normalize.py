"""Brings a message's text into one form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.filters.hop import LOGGER, run_filter
from lambdas.filters.logic.normalize import normalize

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.message_batch import FailedMessages, MessageBatch


@LOGGER.inject_lambda_context
def handler(event: MessageBatch, context: LambdaContext) -> FailedMessages:
    return run_filter(normalize, event)
