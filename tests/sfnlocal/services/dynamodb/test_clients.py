"""Tables as boto3 and Powertools see them in this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from sfnlocal.services.aws import Aws

from .conftest import NOW_MS, REGION


@pytest.fixture
def running(aws: Aws) -> Iterator[Aws]:
    with aws:
        aws.take_over()
        yield aws


@pytest.fixture
def things(running: Aws) -> Any:
    return boto3.resource("dynamodb").Table("things")


def test_a_resource_writes_and_reads_plain_values(things: Any) -> None:
    item = {
        "id": "a",
        "n": Decimal("1.5"),
        "set": {"x", "y"},
        "bytes": b"\x00",
        "nested": {"list": [True, None, {"deep": Decimal(1)}]},
    }
    things.put_item(Item=item)
    found = things.get_item(Key={"id": "a"})["Item"]
    assert found["bytes"].value == b"\x00"
    assert {**found, "bytes": b"\x00"} == item


def test_a_resource_builds_conditions(things: Any) -> None:
    for number in range(5):
        things.put_item(Item={"id": str(number), "n": number, "tags": ["a", "b"][: number % 3]})
    wanted = Attr("n").between(1, 3) & (Attr("tags").contains("b") | ~Attr("n").gt(1))
    found = things.scan(FilterExpression=wanted)["Items"]
    assert sorted(item["id"] for item in found) == ["1", "2"]
    found = things.query(KeyConditionExpression=Key("id").eq("3"))["Items"]
    assert [item["n"] for item in found] == [3]


def test_a_batch_writer_writes_more_than_a_batch(things: Any) -> None:
    with things.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"id": str(number)})
    assert things.scan(Select="COUNT")["Count"] == 60


def test_times_are_times(running: Aws) -> None:
    table = running.client("dynamodb").describe_table(TableName="things")["Table"]
    assert table["CreationDateTime"] == datetime.fromtimestamp(NOW_MS / 1000, UTC)


def test_waiters_and_paginators_work(running: Aws) -> None:
    client = running.client("dynamodb")
    client.get_waiter("table_exists").wait(TableName="things")
    for number in range(5):
        client.put_item(TableName="things", Item={"id": {"S": str(number)}})
    pages = client.get_paginator("scan").paginate(
        TableName="things", PaginationConfig={"PageSize": 2}
    )
    assert [page["Count"] for page in pages] == [2, 2, 1]


def test_a_failed_condition_has_its_class_and_the_item(running: Aws) -> None:
    client = running.client("dynamodb")
    item = {"id": {"S": "a"}}
    client.put_item(TableName="things", Item=item)
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        client.put_item(
            TableName="things",
            Item=item,
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"] == item
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_cancelled_transaction_has_its_reasons(running: Aws) -> None:
    check = {
        "TableName": "things",
        "Key": {"id": {"S": "a"}},
        "ConditionExpression": "attribute_exists(id)",
    }
    with pytest.raises(ClientError) as cancelled:
        running.client("dynamodb").transact_write_items(TransactItems=[{"ConditionCheck": check}])
    response: Any = cancelled.value.response
    assert response["CancellationReasons"] == [
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    ]


def test_powertools_runs_a_function_once(running: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # Loaded here: what it makes at once needs a session.
    from aws_lambda_powertools.utilities.idempotency import (
        DynamoDBPersistenceLayer,
        IdempotencyConfig,
        idempotent_function,
    )

    calls: list[str] = []
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 3000)
    config = IdempotencyConfig(expires_after_seconds=3600, lambda_context=context)

    def charge_once(*, order: dict[str, str]) -> dict[str, str]:
        calls.append(order["id"])
        return {"receipt": order["id"]}

    charge = idempotent_function(
        charge_once,
        data_keyword_argument="order",
        persistence_store=DynamoDBPersistenceLayer(table_name="things"),
        config=config,
    )
    for _ in range(2):
        assert charge(order={"id": "o-1"}) == {"receipt": "o-1"}
    assert calls == ["o-1"]
    running.move_to(NOW_MS + 3_601_000)
    charge(order={"id": "o-1"})
    assert calls == ["o-1", "o-1"]


PROGRAM = """
import sys
from pathlib import Path
import boto3
from sfnlocal.services.aws import Aws
from sfnlocal.template.resources import App

with Aws(App(Path(), "aws", "eu-west-1", "210987654321", (), (), (), {}), now_ms=0) as aws:
    aws.take_over()
    boto3.client("s3"), boto3.client("sqs").list_queues()
    print(boto3.client("dynamodb").list_tables()["TableNames"], "moto" in sys.modules)
    boto3.client("ssm").describe_parameters()
    print("moto" in sys.modules)
"""


def test_moto_is_loaded_when_a_service_that_only_it_has_is_called() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[] False", "True"]
