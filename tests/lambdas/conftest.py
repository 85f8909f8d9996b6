"""The workflows' tables in moto, each function's environment, and accidents to happen."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBServiceResource

KEYS = {
    "stock": "sku",
    "reservations": "orderId",
    "invoices": "orderId",
    "idempotency": "id",
    "payments": "idempotencyKey",
    "report_requests": "reportId",
}
VARIABLES = {
    **{f"{table.upper()}_TABLE": table for table in KEYS},
    "PAYMENT_PROVIDER_FUNCTION": "payment-provider",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}


class Killed(BaseException):
    """The end of a process: no handler of ours may see it."""


@dataclass(frozen=True)
class Context:
    """What Lambda passes as the context."""

    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:function"
    aws_request_id: str = "00000000-0000-0000-0000-000000000001"
    remaining_ms: int = 15_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass(frozen=True)
class Tables:
    """The tables, in plain Python values."""

    dynamodb: DynamoDBServiceResource

    def create(self) -> None:
        for table, key in KEYS.items():
            self.dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    def put(self, table: str, item: dict[str, Any]) -> None:
        self.dynamodb.Table(table).put_item(Item=item)

    def items(self, table: str) -> list[dict[str, Any]]:
        found = self.dynamodb.Table(table).scan()["Items"]
        return sorted(found, key=lambda item: str(item[KEYS[table]]))

    def stock(self) -> dict[str, int]:
        return {item["sku"]: int(item["available"]) for item in self.items("stock")}


@pytest.fixture(scope="session")
def dynamodb() -> DynamoDBServiceResource:
    """One for all tests: it takes longer to make than a test takes."""
    return boto3.resource(
        "dynamodb",
        region_name=VARIABLES["AWS_DEFAULT_REGION"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def killed() -> type[BaseException]:
    return Killed


@pytest.fixture
def tables(dynamodb: DynamoDBServiceResource, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        tables = Tables(dynamodb)
        tables.create()
        yield tables


@pytest.fixture
def load(tables: Tables) -> Callable[[str], ModuleType]:
    """Imports a handler as Lambda does: with its environment in place."""
    return lambda name: importlib.import_module(f"lambdas.{name}")


@pytest.fixture
def lose_first_answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a client's first call of an operation do its work, then raises instead of answering."""

    def lose(client: Any, operation: str, error: BaseException) -> None:
        call = getattr(client, operation)
        errors = [error]

        def answer(**arguments: Any) -> Any:
            response = call(**arguments)
            if errors:
                raise errors.pop()
            return response

        monkeypatch.setattr(client, operation, answer)

    return lose
