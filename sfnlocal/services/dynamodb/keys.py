"""Key schemas: which attributes are a table's or an index's key, and whether an item has them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.errors import invalid, invalid_values
from sfnlocal.services.dynamodb.values import Item, Value, item_from, ordered, type_of, value_bytes

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_PARTITION_KEY_BYTES_MAX = 2048
_SORT_KEY_BYTES_MAX = 1024
_NO_MATCH = "The provided key element does not match the schema"
_EMPTY_KINDS = {"S": "string", "B": "binary"}

# A place in the order of a table's items: where the partition is, its key, the sort key, ...
Place: TypeAlias = tuple[Any, ...]


class _Top:
    """Is more than anything."""

    def __lt__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return True


TOP = _Top()
# Partitions stand in the order of a hash of their keys, as on AWS; its bits.
PARTITION_BITS = 32


def partition_of(value: Value) -> tuple[int, str | bytes | Decimal]:
    """Where a partition stands, and its key."""
    ((_, content),) = value.items()
    data = content if isinstance(content, bytes) else content.encode()
    return zlib.crc32(data), ordered(value)


@dataclass(frozen=True, slots=True)
class KeySchema:
    """`types` are those of its attributes, partition key first."""

    partition: str
    sort: str | None
    types: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.types)

    def key_of(self, item: Item) -> Item:
        return {name: item[name] for name in self.types}

    def place(self, item: Item) -> Place:
        """Of an item that has this key."""
        partition = partition_of(item[self.partition])
        return partition if self.sort is None else (*partition, ordered(item[self.sort]))

    def has(self, item: Item) -> bool:
        """Whether the item has all of the key: it stands in an index only then."""
        return all(name in item and kind in item[name] for name, kind in self.types.items())

    def key_from(self, given: Mapping[str, Json] | None) -> Item:
        """A request's Key, checked. Raises ApiError."""
        key = item_from(given or {})
        if len(key) != len(self.types):
            raise (
                invalid("The number of conditions on the keys is invalid")
                if (len(key) > len(self.types) and self.types.keys() <= key.keys())
                else invalid(_NO_MATCH)
            )
        for name, kind in self.types.items():
            if name not in key or kind not in key[name]:
                raise invalid(_NO_MATCH)
        self._check_contents(key)
        return key

    def check_item(self, item: Item) -> None:
        """An item that is to be put. Raises ApiError."""
        for name, kind in self.types.items():
            if name not in item:
                raise invalid_values(f"Missing the key {name} in the item")
            if kind not in item[name]:
                raise invalid_values(
                    f"Type mismatch for key {name} expected: {kind} actual: {type_of(item[name])}"
                )
        self._check_contents(item)

    def check_index_key(self, item: Item, index: str) -> None:
        """An item may lack an index's key; what it has of it must fit. Raises ApiError."""
        for name, kind in self.types.items():
            value = item.get(name)
            if value is None:
                continue
            if kind not in value:
                raise invalid_values(
                    f"Type mismatch for Index Key {name} Expected: {kind} Actual: "
                    f"{type_of(value)} IndexName: {index}"
                )
            if not value[kind]:
                raise invalid(
                    "One or more parameter values are not valid. A value specified for a secondary "
                    "index key is not supported. The AttributeValue for a key attribute cannot "
                    f"contain an empty {_EMPTY_KINDS[kind]} value. IndexName: {index}, "
                    f"IndexKey: {name}"
                )

    def _check_contents(self, item: Item) -> None:
        for name, kind in self.types.items():
            if not item[name][kind]:
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key "
                    f"attribute cannot contain an empty {_EMPTY_KINDS[kind]} value. Key: {name}"
                )
        if value_bytes(item[self.partition]) > _PARTITION_KEY_BYTES_MAX:
            raise invalid_values(
                "Size of hashkey has exceeded the maximum size limit of"
                f"{_PARTITION_KEY_BYTES_MAX} bytes"
            )
        if self.sort is not None and value_bytes(item[self.sort]) > _SORT_KEY_BYTES_MAX:
            raise invalid_values(
                "Aggregated size of all range keys has exceeded the size limit of "
                f"{_SORT_KEY_BYTES_MAX} bytes"
            )


def key_schema(elements: list[dict[str, str]], types: Mapping[str, str]) -> KeySchema:
    """From a KeySchema parameter and the types of AttributeDefinitions. Raises ApiError."""
    kinds = [element.get("KeyType") for element in elements]
    if not kinds or kinds[0] != "HASH":
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(kinds) > 1 and kinds[1] != "RANGE":
        raise invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    names = [element["AttributeName"] for element in elements]
    if len(names) > 2:
        raise _too_many(elements)
    if len(set(names)) < len(names):
        raise invalid(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )
    undefined = [name for name in names if name not in types]
    if undefined:
        raise invalid_values(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(undefined)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    sort = names[1] if len(names) > 1 else None
    return KeySchema(names[0], sort, {name: types[name] for name in names})


def _too_many(elements: list[dict[str, str]]) -> ApiError:
    return invalid(
        f"1 validation error detected: Value '{elements}' at 'keySchema' failed to satisfy "
        "constraint: Member must have length less than or equal to 2"
    )
