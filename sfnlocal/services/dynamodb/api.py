"""DynamoDB's operations by name, and what the rest of sfnlocal asks of tables (`Aws.tables`).

Parameters and answers are those of botocore's model `dynamodb`.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.batches import BatchOperations
from sfnlocal.services.dynamodb.queries import QueryOperations
from sfnlocal.services.dynamodb.reads import ReadOperations
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table_operations import TableOperations
from sfnlocal.services.dynamodb.table_settings import SettingOperations
from sfnlocal.services.dynamodb.transactions import TransactionOperations
from sfnlocal.services.dynamodb.values import Item, copied_item
from sfnlocal.services.dynamodb.writes import WriteOperations

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

# What expressions have replaced, and what to use instead.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
_LEGACY = {
    "AttributesToGet": "ProjectionExpression",
    "AttributeUpdates": "UpdateExpression",
    "ConditionalOperator": "ConditionExpression or FilterExpression",
    "Expected": "ConditionExpression",
    "KeyConditions": "KeyConditionExpression",
    "QueryFilter": "FilterExpression",
    "ScanFilter": "FilterExpression",
}


class Tables:
    def __init__(self, aws: Aws) -> None:
        self._registry = TableRegistry(aws)
        self._operations: Mapping[str, Callable[[dict[str, Json]], dict[str, Json]]] = {
            **TableOperations(aws, self._registry).operations,
            **SettingOperations(self._registry).operations,
            **WriteOperations(self._registry).operations,
            **ReadOperations(self._registry).operations,
            **QueryOperations(self._registry).operations,
            **BatchOperations(self._registry).operations,
            **TransactionOperations(self._registry).operations,
        }

    def answer(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        """Raises ApiError with DynamoDB's code and words."""
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(
                f"dynamodb:{operation} is not simulated",
                hint=f"only {', '.join(sorted(self._operations))} are",
            )
        if not _LEGACY.keys().isdisjoint(params):
            _refuse_legacy(operation, params)
        return answer(params)

    def deploy(self, makes: Mapping[str, Callable[[], None]]) -> None:
        """The template's tables, by name; each is made when somebody speaks of it."""
        self._registry.deploy(makes)

    def items(self, table: str) -> list[Item]:
        """All items of a table, as Scan gives them. Raises ApiError."""
        if self._registry.is_untouched(table):
            return []
        found = self._registry.describe({"TableName": table})
        return [copied_item(stored.item) for stored in found]


def _refuse_legacy(operation: str, params: Mapping[str, Json]) -> None:
    for name, instead in _LEGACY.items():
        if params.get(name) is not None:
            raise UnsupportedError(
                f"dynamodb:{operation} with {name} is not simulated", hint=f"use {instead}"
            )
