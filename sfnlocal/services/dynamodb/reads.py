"""Reading single items: GetItem and BatchGetItem.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.bound import Expressions
from sfnlocal.services.dynamodb.capacity import Consumption, read_units
from sfnlocal.services.dynamodb.collection import Stored
from sfnlocal.services.dynamodb.errors import invalid, missing
from sfnlocal.services.dynamodb.projections import Choice, chosen
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Table
from sfnlocal.services.dynamodb.values import Item, copied_item

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_BATCH_KEYS_MAX = 100
_BATCH_BYTES_MAX = 16 * 1024 * 1024


class Get:
    """One item to be read. Raises ApiError."""

    def __init__(self, table: Table, params: Mapping[str, Json]) -> None:
        expressions = Expressions(params, ["ProjectionExpression"])
        self.table = table
        self.projection = expressions.projection()
        expressions.check_all_used()
        if params.get("Key") is None:
            raise missing("Key")
        self.key = table.keys.key_from(params["Key"])

    def stored(self) -> Stored | None:
        return self.table.get(self.key)


def given(stored: Stored, projection: Choice | None) -> Item:
    """What a reader gets of an item: a copy."""
    return copied_item(stored.item) if projection is None else chosen(stored.item, projection)


class ReadOperations:
    def __init__(self, tables: TableRegistry) -> None:
        self._tables = tables
        self.operations = {
            "GetItem": self.get_item,
            "BatchGetItem": self.batch_get_item,
        }

    def get_item(self, params: dict[str, Json]) -> dict[str, Json]:
        consumption = Consumption(params)
        get = Get(self._tables.find(params), params)
        stored = get.stored()
        size_bytes = 0 if stored is None else stored.size_bytes
        consistent = bool(params.get("ConsistentRead"))
        consumption.read(get.table, read_units(size_bytes, consistent=consistent))
        answer = {} if stored is None else {"Item": given(stored, get.projection)}
        return consumption.answer(answer)

    def batch_get_item(self, params: dict[str, Json]) -> dict[str, Json]:
        requests: dict[str, Json] = params.get("RequestItems") or {}
        count = sum(len(one.get("Keys", ())) for one in requests.values())
        if not count:
            raise missing("RequestItems")
        if count > _BATCH_KEYS_MAX:
            raise invalid("Too many items requested for the BatchGetItem call")
        consumption = Consumption(params)
        reads = [
            (name, request, [self._get(name, request, key) for key in request["Keys"]])
            for name, request in requests.items()
        ]
        for _, _, gets in reads:
            _check_distinct(gets)
        answers: dict[str, list[Item]] = {}
        unprocessed: dict[str, Json] = {}
        read_bytes = 0
        for name, request, gets in reads:
            answers[name] = []
            for index, get in enumerate(gets):
                stored = get.stored()
                size_bytes = 0 if stored is None else stored.size_bytes
                if read_bytes + size_bytes > _BATCH_BYTES_MAX:
                    unprocessed[name] = {**request, "Keys": request["Keys"][index:]}
                    break
                read_bytes += size_bytes
                consistent = bool(request.get("ConsistentRead"))
                consumption.read(get.table, read_units(size_bytes, consistent=consistent))
                if stored is not None:
                    answers[name].append(given(stored, get.projection))
        answer = {"Responses": answers, "UnprocessedKeys": unprocessed}
        return consumption.answer(answer, several=True)

    def _get(self, name: str, request: Mapping[str, Json], key: Json) -> Get:
        return Get(self._tables.find({"TableName": name}), {**request, "Key": key})


def _check_distinct(gets: list[Get]) -> None:
    places = [get.table.keys.place(get.key) for get in gets]
    if len(set(places)) < len(places):
        raise invalid("Provided list of item keys contains duplicates")
