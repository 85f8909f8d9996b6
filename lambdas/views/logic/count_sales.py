"""Counts archived sales of a day: those that arrived before the watermark, as their keys say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lambdas.views.logic.totals import add, no_sales
from lambdas.views.payloads import Cell, CountSalesEvent, Sale, Totals

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from lambdas.environment import BucketName


def count_sales(s3: S3Client, bucket: BucketName, event: CountSalesEvent) -> list[Cell]:
    cells: dict[tuple[str, str], Totals] = {}
    for key in event["keys"]:
        arrival = key.split("/")[2]
        if arrival >= event["watermark"]:
            continue
        sale: Sale = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        totals = cells.setdefault((sale["sku"], hour_of(sale)), no_sales())
        one = Totals(sales=1, quantity=sale["quantity"], amountCents=sale["amountCents"])
        add(totals, one)
    return [Cell(sku=sku, hour=hour, **totals) for (sku, hour), totals in cells.items()]


def hour_of(sale: Sale) -> str:
    return f"{datetime.fromtimestamp(sale['soldAtMs'] // 1000, UTC):%H}"
