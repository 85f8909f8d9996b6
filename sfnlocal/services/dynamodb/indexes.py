"""Secondary indexes: an item stands in one where it has the index's key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/SecondaryIndexes.html
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.collection import Collection, Stored
from sfnlocal.services.dynamodb.keys import KeySchema, Place
from sfnlocal.services.dynamodb.values import Item, item_bytes

Scope: TypeAlias = Literal["GLOBAL", "LOCAL"]


class Index:
    """`settings` is what DescribeTable shows of it; `kind` says whether it is global or local."""

    def __init__(
        self,
        name: str,
        kind: Scope,
        keys: KeySchema,
        table_keys: KeySchema,
        settings: dict[str, Json],
    ) -> None:
        self.name = name
        self.kind = kind
        self.keys = keys
        self.settings = settings
        self.entries = Collection()
        self._table_keys = table_keys
        projection = settings["Projection"]
        self.projects_all = projection["ProjectionType"] == "ALL"
        self._projected = {
            *keys.names,
            *table_keys.names,
            *projection.get("NonKeyAttributes", ()),
        }

    def place(self, item: Item) -> Place:
        """Several items may have the same key here: the table's tells them apart."""
        return (*self.keys.place(item), *self._table_keys.place(item))

    def replace(self, old: Item | None, new: Stored | None) -> int:
        """Let `new` stand for `old`; how many units of write capacity that takes."""
        was = old is not None and self.keys.has(old)
        will = new is not None and self.keys.has(new.item)
        old_place = self.place(old) if was and old is not None else None
        new_place = self.place(new.item) if will and new is not None else None
        if old_place is not None and old_place != new_place:
            self.entries.remove(old_place)
        if new_place is not None and new is not None:
            self.entries.put(new_place, new)
        return self._units(old if was else None, new.item if will and new else None)

    def projected(self, stored: Stored) -> Stored:
        """What the index has of an item."""
        if self.projects_all:
            return stored
        item = {name: one for name, one in stored.item.items() if name in self._projected}
        return Stored(item, item_bytes(item))

    def projects(self, name: str) -> bool:
        return self.projects_all or name in self._projected

    def _units(self, old: Item | None, new: Item | None) -> int:
        before = self._projection(old)
        after = self._projection(new)
        if before == after:
            return 0
        moved = before is not None and after is not None and self.place(before) != self.place(after)
        sizes = [item_bytes(one) for one in (before, after) if one is not None]
        units = [-(-size // 1024) for size in sizes]
        return sum(units) if moved else max(units)

    def _projection(self, item: Item | None) -> Item | None:
        if item is None or self.projects_all:
            return item
        return {name: one for name, one in item.items() if name in self._projected}
