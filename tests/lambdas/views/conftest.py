"""What the views work with, in moto: a bucket, the counters, the pointers."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from lambdas.environment import BucketName, TableName
from lambdas.views.environments import ReadSalesEnvironment
from lambdas.views.payloads import Totals

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

BUCKET = BucketName("files")
COUNTERS = TableName("counters")
POINTERS = TableName("pointers")
KEYS = {COUNTERS: ("day", "cell"), POINTERS: ("day",)}
VARIABLES = {
    "SALES_BUCKET": BUCKET,
    "COUNTERS_TABLE": COUNTERS,
    "POINTERS_TABLE": POINTERS,
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
CLIENT: Any = {
    "region_name": "eu-west-1",
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
}


@dataclass(frozen=True)
class Aws:
    s3: S3Client
    dynamodb: DynamoDBClient
    environment: ReadSalesEnvironment

    def put(self, key: str, content: object) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())

    def read(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def list_keys(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [one["Key"] for one in listed]

    def put_results(self, *files: list[dict[str, Any]]) -> str:
        """As the ResultWriter writes them: the key of the manifest."""
        names = []
        for number, lines in enumerate(files):
            names.append(f"results/v/{number}.jsonl")
            body = "".join(json.dumps(line) + "\n" for line in lines)
            self.s3.put_object(Bucket=BUCKET, Key=names[-1], Body=body.encode())
        succeeded = [{"Key": name, "Size": 1} for name in names]
        results = {"FAILED": [], "PENDING": [], "SUCCEEDED": succeeded}
        self.put("results/v/manifest.json", {"ResultFiles": results})
        return "results/v/manifest.json"

    def count(self, day: str, cell: str, totals: Totals) -> None:
        numbers: Any = {name: {"N": str(value)} for name, value in totals.items()}
        self.dynamodb.put_item(
            TableName=COUNTERS, Item={"day": {"S": day}, "cell": {"S": cell}, **numbers}
        )

    def point(self, day: str, version: str, watermark: str) -> None:
        self.dynamodb.put_item(
            TableName=POINTERS,
            Item={"day": {"S": day}, "version": {"S": version}, "watermark": {"S": watermark}},
        )


@pytest.fixture(scope="session")
def clients() -> tuple[S3Client, DynamoDBClient]:
    """Once for all tests: they take longer to make than a test takes."""
    return boto3.client("s3", **CLIENT), boto3.client("dynamodb", **CLIENT)


@pytest.fixture
def aws(clients: tuple[S3Client, DynamoDBClient], monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    s3, dynamodb = clients
    with mock_aws():
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        for table, keys in KEYS.items():
            kinds: Any = zip(keys, ("HASH", "RANGE"), strict=False)
            attributes: Any = [{"AttributeName": key, "AttributeType": "S"} for key in keys]
            dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
                AttributeDefinitions=attributes,
                BillingMode="PAY_PER_REQUEST",
            )
        environment = ReadSalesEnvironment(
            pointers_table=POINTERS, counters_table=COUNTERS, sales_bucket=BUCKET
        )
        yield Aws(s3, dynamodb, environment)


@pytest.fixture
def handler(aws: Aws) -> Callable[[str], ModuleType]:
    """Imports a handler as Lambda does: with its environment in place."""
    return lambda name: importlib.import_module(f"lambdas.views.{name}")


def totals(sales: int, quantity: int, cents: int) -> Totals:
    return Totals(sales=sales, quantity=quantity, amountCents=cents)
