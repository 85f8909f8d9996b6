"""Which tables there are."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.errors import missing, no_such_table
from sfnlocal.services.dynamodb.table import Table

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws


Make: TypeAlias = Callable[[], None]


class TableRegistry:
    """`rng` is where ids come from."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.rng = random.Random(f"{aws.seed}/dynamodb")
        # What makes one of the template, where nobody has spoken of it yet.
        self._tables: dict[str, Table | Make] = {}

    def __iter__(self) -> Iterator[Table]:
        return (table for name in list(self._tables) if (table := self._named(name)))

    def deploy(self, makes: Mapping[str, Make]) -> None:
        self._tables.update(makes)

    def is_untouched(self, name: str) -> bool:
        """Nobody has spoken of it yet: it is empty."""
        found = self._tables.get(name)
        return found is not None and not isinstance(found, Table)

    def _named(self, name: str) -> Table | None:
        found = self._tables.get(name)
        if found is None or isinstance(found, Table):
            return found
        del self._tables[name]
        self._aws.at_the_start(found)
        return self._named(name)

    @property
    def now_ms(self) -> int:
        return self._aws.now_ms

    @property
    def names(self) -> list[str]:
        return sorted(self._tables)

    def find(self, params: Mapping[str, Json]) -> Table:
        """For an operation on items. Raises ApiError."""
        given = params.get("TableName")
        if given is None:
            raise missing("TableName")
        table = self.get(given)
        if table is None:
            raise no_such_table()
        table.settle(self._aws.now_ms)
        return table

    def describe(self, params: Mapping[str, Json]) -> Table:
        """For an operation on the table. Raises ApiError."""
        given = params.get("TableName")
        if given is None:
            raise missing("TableName")
        table = self.get(given)
        if table is None:
            raise no_such_table(given)
        table.settle(self._aws.now_ms)
        return table

    def get(self, name_or_arn: str) -> Table | None:
        table = self._named(name_or_arn)
        if table is None and name_or_arn.startswith("arn:"):
            table = self._named(name_or_arn.rpartition(":table/")[2])
            return table if table is not None and table.arn == name_or_arn else None
        return table

    def arn(self, name: str) -> str:
        app = self._aws.app
        return f"arn:{app.partition}:dynamodb:{app.region}:{app.account}:table/{name}"

    def new_id(self) -> str:
        bits = f"{self.rng.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"

    def add(self, table: Table) -> None:
        self._tables[table.name] = table

    def remove(self, table: Table) -> None:
        del self._tables[table.name]
