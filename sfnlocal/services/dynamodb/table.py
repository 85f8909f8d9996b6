"""One table: its items, its indexes, and what is set of it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.collection import Collection, Stored
from sfnlocal.services.dynamodb.errors import invalid
from sfnlocal.services.dynamodb.expiry import Expiry
from sfnlocal.services.dynamodb.indexes import Index
from sfnlocal.services.dynamodb.keys import KeySchema
from sfnlocal.services.dynamodb.values import ITEM_BYTES_MAX, Item, item_bytes


class Written(NamedTuple):
    """What a write has cost: units of the table, and of its indexes by name."""

    units: int
    index_units: dict[str, int]


class Policy(NamedTuple):
    text: str
    revision: str


class Table:
    """`settings` is what DescribeTable shows beside keys and counts."""

    def __init__(
        self,
        name: str,
        arn: str,
        keys: KeySchema,
        indexes: dict[str, Index],
        settings: dict[str, Json],
        created_ms: int,
    ) -> None:
        self.name = name
        self.arn = arn
        self.keys = keys
        self.indexes = indexes
        self.settings = settings
        self.created_ms = created_ms
        self.items = Collection()
        self.size_bytes = 0
        self.expiry: Expiry | None = None
        self.recovery: dict[str, Json] = {}
        self.tags: dict[str, str] = {}
        self.policies: dict[str, Policy] = {}

    @property
    def has_local_indexes(self) -> bool:
        return any(index.kind == "LOCAL" for index in self.indexes.values())

    def get(self, key: Item) -> Stored | None:
        return self.items.get(self.keys.place(key))

    def measured(self, item: Item, *, updated: bool = False) -> Stored:
        """An item that may be stored. Raises ApiError."""
        for index in self.indexes.values():
            index.keys.check_index_key(item, index.name)
        size_bytes = item_bytes(item)
        if size_bytes > ITEM_BYTES_MAX:
            what = "Item size to update" if updated else "Item size"
            raise invalid(f"{what} has exceeded the maximum allowed size")
        return Stored(item, size_bytes)

    def replace(self, old: Stored | None, new: Stored | None) -> Written:
        """Put `new` where `old` stands; None: nothing stands there, before or after."""
        if new is not None:
            self.items.put(self.keys.place(new.item), new)
            if self.expiry is not None:
                self.expiry.look_at(new.item)
        elif old is not None:
            self.items.remove(self.keys.place(old.item))
        old_bytes = 0 if old is None else old.size_bytes
        new_bytes = 0 if new is None else new.size_bytes
        self.size_bytes += new_bytes - old_bytes
        old_item = None if old is None else old.item
        by_index = {name: one.replace(old_item, new) for name, one in self.indexes.items()}
        return Written(
            max(1, -(-max(old_bytes, new_bytes) // 1024)),
            {name: units for name, units in by_index.items() if units},
        )

    def settle(self, now_ms: int) -> None:
        """Delete what has expired by now."""
        if self.expiry is not None:
            for key in self.expiry.due(now_ms):
                old = self.get(key)
                if old is not None and self.expiry.is_due(old.item, now_ms):
                    self.replace(old, None)

    def expire_by(self, attribute: str | None) -> None:
        """Let items expire at what `attribute` says, or none of them."""
        self.expiry = None if attribute is None else Expiry(attribute, self.keys)
        if self.expiry is not None:
            for stored in self.items:
                self.expiry.look_at(stored.item)

    def add_index(self, index: Index) -> None:
        self.indexes[index.name] = index
        for stored in self.items:
            index.replace(None, stored)

    def __iter__(self) -> Iterator[Stored]:
        return iter(self.items)
