"""Adds up totals, and reads them from the speed layer's counters.

A counter's key is its day and `SKU#ARRIVAL#HOUR`: the counters of a sku since a watermark are one
range of keys. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdas.views.payloads import Totals

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName

# Behind every hour of arrival, since digits are before it.
LAST = "~"


def no_sales() -> Totals:
    return Totals(sales=0, quantity=0, amountCents=0)


def add(to: Totals, more: Totals) -> None:
    to["sales"] += more["sales"]
    to["quantity"] += more["quantity"]
    to["amountCents"] += more["amountCents"]


def counters(
    dynamodb: DynamoDBClient, table: TableName, condition: str, values: Mapping[str, str]
) -> Iterator[tuple[str, str, Totals]]:
    """The arrival, the hour and the totals of each counter that fits; what was written before the
    call is among them."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeNames={"#day": "day"},
        ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
        ConsistentRead=True,
    )
    for page in pages:
        for item in page["Items"]:
            yield _counter(item)


def _counter(item: Mapping[str, Any]) -> tuple[str, str, Totals]:
    _, arrival, hour = item["cell"]["S"].split("#")
    totals = Totals(
        sales=int(item["sales"]["N"]),
        quantity=int(item["quantity"]["N"]),
        amountCents=int(item["amountCents"]["N"]),
    )
    return arrival, hour, totals
