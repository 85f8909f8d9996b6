"""Writing one item: PutItem, UpdateItem, DeleteItem, and the parts of transactions and batches.

Strategy: a request becomes a Write (where, on what condition, what then), which is carried out at
once, or together with others, or not at all.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.bound import Expressions
from sfnlocal.services.dynamodb.capacity import Consumption
from sfnlocal.services.dynamodb.collection import Stored
from sfnlocal.services.dynamodb.conditions import Predicate
from sfnlocal.services.dynamodb.errors import (
    choice,
    condition_failed,
    invalid,
    invalid_values,
    missing,
)
from sfnlocal.services.dynamodb.paths import Path
from sfnlocal.services.dynamodb.projections import choice_of, chosen
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Table
from sfnlocal.services.dynamodb.values import Item, copied_item, item_from

# What an item becomes; None: there is none then.
Change: TypeAlias = Callable[[Item | None], Item | None]

_RETURN_VALUES = ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
_ON_FAILURE = ("ALL_OLD", "NONE")
_COLLECTION_METRICS = ("SIZE", "NONE")


@dataclass(frozen=True, slots=True)
class Write:
    """`paths` are what an update changes. `shows_old` where the condition fails."""

    table: Table
    key: Item
    change: Change
    condition: Predicate | None = None
    shows_old: bool = False
    updates: bool = False
    paths: Sequence[Path] = ()

    def old(self) -> Stored | None:
        return self.table.get(self.key)

    def check(self, old: Stored | None) -> None:
        """Raises ApiError where the condition fails."""
        if self.condition is not None and not self.condition({} if old is None else old.item):
            raise condition_failed(
                {"Item": copied_item(old.item)} if self.shows_old and old is not None else {}
            )

    def new(self, old: Stored | None) -> Stored | None:
        """Raises ApiError."""
        item = self.change(None if old is None else old.item)
        if item is None or (old is not None and item is old.item):
            return old if item is not None else None
        return self.table.measured(item, updated=self.updates)


def _expressions(params: Mapping[str, Json], *kinds: str) -> Expressions:
    on_failure = params.get("ReturnValuesOnConditionCheckFailure") or "NONE"
    if on_failure not in _ON_FAILURE:
        raise choice("returnValuesOnConditionCheckFailure", on_failure, _ON_FAILURE)
    return Expressions(params, kinds)


def _shows_old(params: Mapping[str, Json]) -> bool:
    return params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def put(table: Table, params: Mapping[str, Json]) -> Write:
    if params.get("Item") is None:
        raise missing("Item")
    item = item_from(params["Item"])
    expressions = _expressions(params, "ConditionExpression")
    condition = expressions.condition()
    expressions.check_all_used()
    table.keys.check_item(item)
    key = table.keys.key_of(item)
    return Write(table, key, lambda old: item, condition, _shows_old(params))


def delete(table: Table, params: Mapping[str, Json]) -> Write:
    return _by_key(table, params, lambda old: None)


def check(table: Table, params: Mapping[str, Json]) -> Write:
    if params.get("ConditionExpression") is None:
        raise missing("ConditionExpression")
    return _by_key(table, params, lambda old: old)


def _by_key(table: Table, params: Mapping[str, Json], change: Change) -> Write:
    expressions = _expressions(params, "ConditionExpression")
    condition = expressions.condition()
    expressions.check_all_used()
    key = table.keys.key_from(_key(params))
    return Write(table, key, change, condition, _shows_old(params))


def update(table: Table, params: Mapping[str, Json]) -> Write:
    expressions = _expressions(params, "UpdateExpression", "ConditionExpression")
    bound = expressions.update()
    condition = expressions.condition()
    expressions.check_all_used()
    key = table.keys.key_from(_key(params))
    paths = () if bound is None else bound.paths
    for path in paths:
        if path[0] in key:
            raise invalid_values(
                f"Cannot update attribute {path[0]}. This attribute is part of the key"
            )

    def change(old: Item | None) -> Item:
        item = dict(key) if old is None else old
        return item if bound is None else bound(item)

    return Write(table, key, change, condition, _shows_old(params), True, paths)


def _key(params: Mapping[str, Json]) -> Mapping[str, Json]:
    key: Mapping[str, Json] | None = params.get("Key")
    if key is None:
        raise missing("Key")
    return key


class WriteOperations:
    def __init__(self, tables: TableRegistry) -> None:
        self._tables = tables
        self.operations = {
            "PutItem": self.put_item,
            "UpdateItem": self.update_item,
            "DeleteItem": self.delete_item,
        }

    def put_item(self, params: dict[str, Json]) -> dict[str, Json]:
        returned = _return_values(params, "NONE", "ALL_OLD")
        return self._write(put(self._tables.find(params), params), params, returned)

    def delete_item(self, params: dict[str, Json]) -> dict[str, Json]:
        returned = _return_values(params, "NONE", "ALL_OLD")
        return self._write(delete(self._tables.find(params), params), params, returned)

    def update_item(self, params: dict[str, Json]) -> dict[str, Json]:
        returned = _return_values(params, *_RETURN_VALUES)
        return self._write(update(self._tables.find(params), params), params, returned)

    def _write(self, write: Write, params: Mapping[str, Json], returned: str) -> dict[str, Json]:
        consumption = Consumption(params)
        shows_metrics = wants_collection_metrics(params)
        old = write.old()
        write.check(old)
        new = write.new(old)
        consumption.wrote(write.table, write.table.replace(old, new))
        answer: dict[str, Json] = {}
        attributes = _attributes(write, returned, old, new)
        if attributes is not None:
            answer["Attributes"] = attributes
        if shows_metrics and write.table.has_local_indexes:
            answer["ItemCollectionMetrics"] = collection_metrics(write)
        return consumption.answer(answer)


def _return_values(params: Mapping[str, Json], *allowed: str) -> str:
    given: str = params.get("ReturnValues") or "NONE"
    if given not in _RETURN_VALUES:
        raise choice("returnValues", given, _RETURN_VALUES)
    if given not in allowed:
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    return given


def _attributes(write: Write, returned: str, old: Stored | None, new: Stored | None) -> Item | None:
    stored = old if returned.endswith("OLD") else new
    if returned == "NONE" or stored is None:
        return None
    if returned.startswith("ALL"):
        return copied_item(stored.item)
    return chosen(stored.item, choice_of(write.paths)) or None


def wants_collection_metrics(params: Mapping[str, Json]) -> bool:
    given = params.get("ReturnItemCollectionMetrics") or "NONE"
    if given not in _COLLECTION_METRICS:
        raise choice("returnItemCollectionMetrics", given, _COLLECTION_METRICS)
    return bool(given == "SIZE")


def collection_metrics(write: Write) -> dict[str, Json]:
    """Of the items with this partition key; collections here are less than a gigabyte."""
    name = write.table.keys.partition
    return {
        "ItemCollectionKey": {name: dict(write.key[name])},
        "SizeEstimateRangeGB": [0.0, 1.0],
    }
