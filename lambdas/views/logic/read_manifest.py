"""What the archive has to have of a day, as the speed layer noted it when each sale came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.views.logic.totals import add, counters, no_sales
from lambdas.views.payloads import ReadManifestEvent, Totals

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName


def read_manifest(dynamodb: DynamoDBClient, table: TableName, event: ReadManifestEvent) -> Totals:
    """The totals of what arrived before the watermark."""
    expected = no_sales()
    for arrival, _, totals in counters(dynamodb, table, "#day = :day", {":day": event["day"]}):
        if arrival < event["watermark"]:
            add(expected, totals)
    return expected
