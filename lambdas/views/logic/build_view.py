"""Makes a version of a day's batch view from the results of the Map Run that counted its sales.

The version is one object, so it is there as a whole or not at all; a repeated call writes the same.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lambdas.views.logic.totals import add, no_sales
from lambdas.views.payloads import VIEWS, BuildViewEvent, Cell, Totals, View

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from lambdas.environment import BucketName


def build_view(s3: S3Client, bucket: BucketName, event: BuildViewEvent) -> Totals:
    """The totals of the view that it has put beside the live one."""
    view = View(day=event["day"], version=event["version"], watermark=event["watermark"], skus={})
    counted = no_sales()
    for cell in _cells(s3, bucket, event["manifest"]):
        hours = view["skus"].setdefault(cell["sku"], {})
        add(hours.setdefault(cell["hour"], no_sales()), cell)
        add(counted, cell)
    s3.put_object(
        Bucket=bucket,
        Key=view_key(event["day"], event["version"]),
        Body=json.dumps(view).encode(),
        ContentType="application/json",
    )
    return counted


def view_key(day: str, version: str) -> str:
    return f"{VIEWS}/{day}/{version}.json"


def _cells(s3: S3Client, bucket: BucketName, manifest: str | None) -> Iterator[Cell]:
    if manifest is None:
        return
    found = s3.get_object(Bucket=bucket, Key=manifest)
    for file in json.loads(found["Body"].read())["ResultFiles"]["SUCCEEDED"]:
        for line in s3.get_object(Bucket=bucket, Key=file["Key"])["Body"].iter_lines():
            yield json.loads(line)
