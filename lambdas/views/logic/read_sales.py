"""A sku's sales of a day: the batch view's and, from its watermark on, the speed layer's.

The pointer is read first. Whatever it says then stays true: nothing arrives before a watermark
that has been set, counters are only added to, and the version that it names outlives the next
switch. So no sale is counted by both layers or by none, also while a switch goes on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.front.http import Refusal
from lambdas.views.logic.build_view import view_key
from lambdas.views.logic.totals import LAST, add, counters, no_sales
from lambdas.views.payloads import DAY, NAME, VIEW_DAYS, HourSales, SkuSales, Totals, View

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

    from lambdas.environment import BucketName
    from lambdas.views.environments import ReadSalesEnvironment


@dataclass(frozen=True, slots=True)
class Clients:
    dynamodb: DynamoDBClient
    s3: S3Client


@dataclass(frozen=True, slots=True)
class Pointer:
    version: str
    watermark: str


def read_sales(
    clients: Clients, environment: ReadSalesEnvironment, sku: str, day: str, now: datetime
) -> SkuSales:
    _check(sku, day, now.astimezone(UTC).date())
    pointer = _pointer(clients.dynamodb, environment, day)
    hours: dict[str, Totals] = {}
    if pointer:
        hours = _view(clients.s3, environment.sales_bucket, day, pointer)["skus"].get(sku, {})
    since = counters(
        clients.dynamodb,
        environment.counters_table,
        "#day = :day AND cell BETWEEN :first AND :last",
        {
            ":day": day,
            ":first": f"{sku}#{pointer.watermark if pointer else ''}",
            ":last": f"{sku}#{LAST}",
        },
    )
    for _, hour, totals in since:
        add(hours.setdefault(hour, no_sales()), totals)
    total = no_sales()
    for totals in hours.values():
        add(total, totals)
    return SkuSales(
        sku=sku,
        day=day,
        total=total,
        hours=[HourSales(hour=hour, **totals) for hour, totals in sorted(hours.items())],
        version=pointer.version if pointer else None,
        watermark=pointer.watermark if pointer else None,
    )


def _check(sku: str, day: str, today: date) -> None:
    if not re.fullmatch(NAME, sku):
        raise Refusal(400, "SkuInvalid", f"sku has to match {NAME}")
    if not re.fullmatch(DAY, day):
        raise Refusal(400, "DayInvalid", "day has to be a date such as 2026-01-31")
    first = today - timedelta(days=VIEW_DAYS)
    if not first <= date.fromisoformat(day) <= today:
        raise Refusal(400, "DayInvalid", f"day has to be from {first} to {today}")


def _pointer(
    dynamodb: DynamoDBClient, environment: ReadSalesEnvironment, day: str
) -> Pointer | None:
    item = dynamodb.get_item(
        TableName=environment.pointers_table, Key={"day": {"S": day}}, ConsistentRead=True
    ).get("Item")
    return Pointer(item["version"]["S"], item["watermark"]["S"]) if item else None


def _view(s3: S3Client, bucket: BucketName, day: str, pointer: Pointer) -> View:
    found = s3.get_object(Bucket=bucket, Key=view_key(day, pointer.version))
    view: View = json.loads(found["Body"].read())
    return view
