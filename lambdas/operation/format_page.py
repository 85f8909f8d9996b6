"""Makes one page of orders into lines of the export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from lambdas.operation.logic.format_page import format_page

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.operation.payloads import FormatPageEvent, FormatPageResult

LOGGER = Logger(service="operation")


@LOGGER.inject_lambda_context(correlation_id_path="executionArn")
def handler(event: FormatPageEvent, context: LambdaContext) -> FormatPageResult:
    page = format_page(event["customerId"], event["orderIds"], event["orders"])
    LOGGER.info("page formatted", rows=len(page["rows"]), missing=len(page["missing"]))
    return page
