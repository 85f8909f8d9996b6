"""The functions of the views: counting, building, checking, merging."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.front.http import Refusal
from lambdas.views.logic.build_view import build_view
from lambdas.views.logic.count_sales import count_sales
from lambdas.views.logic.read_manifest import read_manifest
from lambdas.views.logic.read_sales import Clients, read_sales
from lambdas.views.payloads import DAY as DAY_PATTERN
from lambdas.views.payloads import BuildViewEvent, CountSalesEvent, ReadManifestEvent, Sale
from tests.lambdas.conftest import Context
from tests.lambdas.views.conftest import BUCKET, COUNTERS, Aws, totals

Handler = Callable[[str], ModuleType]

DAY = "2026-01-02"
NOON_MS = 1_767_355_200_000
NOW = datetime(2026, 1, 3, 12, tzinfo=UTC)


def a_sale(number: int, *, hour: int = 12, sku: str = "mug") -> Sale:
    return Sale(
        eventId=f"e-{number}",
        sku=sku,
        quantity=number,
        amountCents=100 * number,
        soldAtMs=NOON_MS + (hour - 12) * 3_600_000,
    )


def archive(aws: Aws, arrival: str, *sales: Sale) -> list[str]:
    keys = [f"sales/{DAY}/{arrival}/{sale['eventId']}.json" for sale in sales]
    for key, sale in zip(keys, sales, strict=True):
        aws.put(key, sale)
    return keys


def count_event(keys: list[str], watermark: str = "2026-01-03T00") -> CountSalesEvent:
    return CountSalesEvent(executionArn="arn", watermark=watermark, keys=keys)


def build_event(manifest: str | None) -> BuildViewEvent:
    return BuildViewEvent(
        executionArn="arn", day=DAY, version="v-1", watermark="2026-01-03T00", manifest=manifest
    )


def test_sales_are_counted_by_sku_and_hour(aws: Aws) -> None:
    keys = archive(aws, f"{DAY}T12", a_sale(1), a_sale(2), a_sale(3, hour=23), a_sale(4, sku="pot"))
    assert count_sales(aws.s3, BUCKET, count_event(keys)) == [
        {"sku": "mug", "hour": "12", "sales": 2, "quantity": 3, "amountCents": 300},
        {"sku": "mug", "hour": "23", "sales": 1, "quantity": 3, "amountCents": 300},
        {"sku": "pot", "hour": "12", "sales": 1, "quantity": 4, "amountCents": 400},
    ]


def test_what_arrived_at_the_watermark_or_later_is_not_even_read(aws: Aws) -> None:
    keys = archive(aws, f"{DAY}T12", a_sale(1))
    later = [f"sales/{DAY}/2026-01-03T{hour}/e-9.json" for hour in ("00", "07")]
    [cell] = count_sales(aws.s3, BUCKET, count_event([*keys, *later]))
    assert cell["sales"] == 1


def test_a_view_adds_up_all_batches_and_is_the_same_when_built_twice(
    aws: Aws, handler: Handler, context: Context
) -> None:
    mug = {"sku": "mug", "hour": "12", **totals(1, 2, 3)}
    manifest = aws.put_results([mug, {**mug, "hour": "13"}], [mug], [])
    module = handler("build_view")
    for _ in range(2):
        assert module.handler(build_event(manifest), context) == totals(3, 6, 9)
    assert [key for key in aws.list_keys() if key.startswith("views/")] == [f"views/{DAY}/v-1.json"]
    assert aws.read(f"views/{DAY}/v-1.json") == {
        "day": DAY,
        "version": "v-1",
        "watermark": "2026-01-03T00",
        "skus": {"mug": {"12": totals(2, 4, 6), "13": totals(1, 2, 3)}},
    }


def test_a_day_without_sales_has_a_view_too(aws: Aws) -> None:
    assert build_view(aws.s3, BUCKET, build_event(None)) == totals(0, 0, 0)
    assert aws.read(f"views/{DAY}/v-1.json")["skus"] == {}


def test_the_manifest_is_what_was_noted_before_the_watermark(aws: Aws) -> None:
    aws.count(DAY, f"mug#{DAY}T12#11", totals(1, 2, 3))
    aws.count(DAY, f"pot#{DAY}T13#12", totals(10, 20, 30))
    aws.count(DAY, f"mug#{DAY}T14#11", totals(100, 200, 300))
    aws.count("2026-01-01", f"mug#{DAY}T12#11", totals(1000, 0, 0))
    event = ReadManifestEvent(executionArn="arn", day=DAY, watermark=f"{DAY}T14")
    assert read_manifest(aws.dynamodb, COUNTERS, event) == totals(11, 22, 33)


def test_a_manifest_of_many_pages_is_read_to_the_end(aws: Aws) -> None:
    """A page has 1 MB at the most."""
    for number in range(3):
        aws.dynamodb.put_item(
            TableName=COUNTERS,
            Item={
                "day": {"S": DAY},
                "cell": {"S": f"sku-{number}#{DAY}T12#11"},
                "padding": {"S": "x" * 390_000},
                **{name: {"N": "1"} for name in ("sales", "quantity", "amountCents")},
            },
        )
    assert "LastEvaluatedKey" in aws.dynamodb.query(
        TableName=COUNTERS,
        KeyConditionExpression="#day = :day",
        ExpressionAttributeNames={"#day": "day"},
        ExpressionAttributeValues={":day": {"S": DAY}},
    )
    event = ReadManifestEvent(executionArn="arn", day=DAY, watermark=f"{DAY}T13")
    assert read_manifest(aws.dynamodb, COUNTERS, event) == totals(3, 3, 3)


def ask(aws: Aws, sku: str = "mug", day: str = DAY) -> dict[str, Any]:
    return dict(read_sales(Clients(aws.dynamodb, aws.s3), aws.environment, sku, day, NOW))


def test_without_a_view_the_speed_layer_has_all(aws: Aws) -> None:
    aws.count(DAY, f"mug#{DAY}T12#11", totals(1, 2, 3))
    aws.count(DAY, f"mug#{DAY}T13#11", totals(1, 2, 3))
    aws.count(DAY, f"mug-2#{DAY}T13#11", totals(9, 9, 9))
    assert ask(aws) == {
        "sku": "mug",
        "day": DAY,
        "total": totals(2, 4, 6),
        "hours": [{"hour": "11", **totals(2, 4, 6)}],
        "version": None,
        "watermark": None,
    }


def test_the_watermark_decides_which_layer_counts(aws: Aws) -> None:
    for arrival in ("12", "13", "14"):
        aws.count(DAY, f"mug#{DAY}T{arrival}#11", totals(1, 1, 1))
    aws.point(DAY, "v-1", f"{DAY}T13")
    aws.put(f"views/{DAY}/v-1.json", {"skus": {"mug": {"11": totals(100, 100, 100)}}})
    assert ask(aws)["total"] == totals(102, 102, 102)
    assert ask(aws, sku="pot")["total"] == totals(0, 0, 0)


@pytest.mark.parametrize(
    ("sku", "day", "message"),
    [
        ("a#b", DAY, "sku has to match"),
        ("", DAY, "sku has to match"),
        ("mug", "2026-1-2", "day has to be a date"),
        ("mug", "2026-02-30", "day has to be a date"),
        ("mug", "2026-01-04", "day has to be from 2025-01-03 to 2026-01-03"),
        ("mug", "2025-01-02", "day has to be from 2025-01-03 to 2026-01-03"),
    ],
)
def test_what_cannot_be_asked_is_refused(aws: Aws, sku: str, day: str, message: str) -> None:
    with pytest.raises(Refusal, match=message) as refused:
        ask(aws, sku, day)
    assert refused.value.status == 400


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_date_is_a_day(day: date) -> None:
    assert re.fullmatch(DAY_PATTERN, day.isoformat())


def test_no_other_text_is_a_day() -> None:
    first = date(2023, 1, 1)
    days = {(first + timedelta(days=number)).isoformat() for number in range(3 * 366)}
    texts = {f"{y}-{m:02}-{d:02}" for y in (2023, 2024, 2025) for m in range(14) for d in range(33)}
    assert {text for text in texts if re.fullmatch(DAY_PATTERN, text)} == days & texts


def test_the_handlers_answer_as_their_functions(
    aws: Aws, handler: Handler, context: Context
) -> None:
    keys = archive(aws, f"{DAY}T12", a_sale(1))
    [cell] = handler("count_sales").handler(count_event(keys), context)
    assert cell["quantity"] == 1
    event = ReadManifestEvent(executionArn="arn", day=DAY, watermark=f"{DAY}T14")
    assert handler("read_manifest").handler(event, context) == totals(0, 0, 0)
    answered = handler("read_sales").handler(
        {"pathParameters": {"sku": "mug", "day": "today"}, "requestContext": {"requestId": "r"}},
        context,
    )
    assert (answered["statusCode"], json.loads(answered["body"])["error"]) == (400, "DayInvalid")
