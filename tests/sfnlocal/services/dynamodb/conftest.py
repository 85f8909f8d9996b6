"""Two tables: `things` by `id`, and `pairs` by `owner` and `at`, which has indexes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.services.aws import Aws
from sfnlocal.template.resources import App

REGION, ACCOUNT = "eu-west-1", "210987654321"
NOW_MS = 1_767_225_600_000
THINGS = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def index(name: str, partition: str, sort: str | None, kind: str, *more: str) -> dict[str, Any]:
    keys = [{"AttributeName": partition, "KeyType": "HASH"}]
    if sort is not None:
        keys.append({"AttributeName": sort, "KeyType": "RANGE"})
    projection: dict[str, Any] = {"ProjectionType": kind}
    if more:
        projection["NonKeyAttributes"] = list(more)
    return {"IndexName": name, "KeySchema": keys, "Projection": projection}


PAIRS = {
    "TableName": "pairs",
    "KeySchema": index("", "owner", "at", "ALL")["KeySchema"],
    "AttributeDefinitions": [
        {"AttributeName": "owner", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "kind", "AttributeType": "S"},
        {"AttributeName": "name", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        index("by-kind", "kind", "at", "ALL"),
        index("kinds-only", "kind", None, "KEYS_ONLY"),
        index("with-label", "kind", None, "INCLUDE", "label"),
    ],
    "LocalSecondaryIndexes": [index("by-name", "owner", "name", "KEYS_ONLY")],
}

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def aws() -> Aws:
    app = App(Path(), "aws", REGION, ACCOUNT, (), (), (), {})
    made = Aws(app, now_ms=NOW_MS)
    for params in (THINGS, PAIRS):
        made.call("dynamodb", "CreateTable", dict(params))
    return made


@pytest.fixture
def call(aws: Aws) -> Call:
    return lambda operation, **params: aws.call("dynamodb", operation, params)
