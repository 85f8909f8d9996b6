"""Consumed capacity: in units, by the sizes of what was read and written.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.errors import choice
from sfnlocal.services.dynamodb.table import Table, Written

_READ_BYTES = 4096
_DETAILS = ("INDEXES", "TOTAL", "NONE")
_TRANSACTIONAL = 2


def read_units(size_bytes: int, *, consistent: bool) -> float:
    """Half of that where the read is eventually consistent."""
    units = max(1, -(-size_bytes // _READ_BYTES))
    return float(units) if consistent else units / 2


class Consumption:
    """What one request consumes. `answer` adds it where the request asks for it."""

    def __init__(self, params: Mapping[str, Json]) -> None:
        self._detail = params.get("ReturnConsumedCapacity") or "NONE"
        if self._detail not in _DETAILS:
            raise choice("returnConsumedCapacity", self._detail, _DETAILS)
        self._kind = ""
        self._factor = 1
        self._tables: dict[str, float] = {}
        self._indexes: dict[str, dict[str, float]] = {}
        self._named: dict[str, Table] = {}

    def transactional(self, kind: str) -> None:
        """Twice the units, which are named: `kind` is Read or Write."""
        self._factor, self._kind = _TRANSACTIONAL, kind

    def read(self, table: Table, units: float, index: str | None = None) -> None:
        self._add(table, units * self._factor, index)

    def wrote(self, table: Table, written: Written) -> None:
        self._add(table, float(written.units * self._factor), None)
        for index, units in written.index_units.items():
            self._add(table, float(units * self._factor), index)

    def _add(self, table: Table, units: float, index: str | None) -> None:
        if self._detail == "NONE":
            return
        self._named[table.name] = table
        self._tables.setdefault(table.name, 0.0)
        indexes = self._indexes.setdefault(table.name, {})
        if index is None:
            self._tables[table.name] += units
        else:
            indexes[index] = indexes.get(index, 0.0) + units

    def answer(self, answer: dict[str, Json], *, several: bool = False) -> dict[str, Json]:
        """`several`: the operation is one for several tables."""
        if self._detail != "NONE":
            told = [self._told(name) for name in self._tables]
            if several:
                answer["ConsumedCapacity"] = told
            elif told:
                answer["ConsumedCapacity"] = told[0]
        return answer

    def _told(self, name: str) -> dict[str, Json]:
        of_table, of_indexes = self._tables[name], self._indexes[name]
        told = {"TableName": name, **self._units(of_table + sum(of_indexes.values()))}
        if self._detail == "INDEXES":
            told["Table"] = self._units(of_table)
            for kind in ("LOCAL", "GLOBAL"):
                found = {
                    index: self._units(units)
                    for index, units in of_indexes.items()
                    if self._named[name].indexes[index].kind == kind
                }
                if found:
                    told[f"{kind.title()}SecondaryIndexes"] = found
        return told

    def _units(self, units: float) -> dict[str, Json]:
        named = {f"{self._kind}CapacityUnits": units} if self._kind else {}
        return {"CapacityUnits": units, **named}
