"""BatchWriteItem: puts and deletes without conditions, each for itself.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.capacity import Consumption
from sfnlocal.services.dynamodb.errors import invalid, missing
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Table
from sfnlocal.services.dynamodb.writes import (
    Write,
    collection_metrics,
    delete,
    put,
    wants_collection_metrics,
)

_REQUESTS_MAX = 25


class BatchOperations:
    def __init__(self, tables: TableRegistry) -> None:
        self._tables = tables
        self.operations = {"BatchWriteItem": self.batch_write_item}

    def batch_write_item(self, params: dict[str, Json]) -> dict[str, Json]:
        requests: dict[str, list[Json]] = params.get("RequestItems") or {}
        count = sum(map(len, requests.values()))
        if not count:
            raise missing("RequestItems")
        if count > _REQUESTS_MAX:
            raise invalid("Too many items requested for the BatchWriteItem call")
        consumption, metrics = Consumption(params), wants_collection_metrics(params)
        writes = {name: self._writes(name, requests[name]) for name in requests}
        collections: dict[str, list[Json]] = {}
        for name, several in writes.items():
            for write in several:
                old = write.old()
                consumption.wrote(write.table, write.table.replace(old, write.new(old)))
                if metrics and write.table.has_local_indexes:
                    collections.setdefault(name, []).append(collection_metrics(write))
        answer: dict[str, Json] = {"UnprocessedItems": {}}
        if metrics:
            answer["ItemCollectionMetrics"] = collections
        return consumption.answer(answer, several=True)

    def _writes(self, name: str, requests: list[Json]) -> list[Write]:
        table = self._tables.find({"TableName": name})
        writes = [_write(table, request) for request in requests]
        places = [table.keys.place(write.key) for write in writes]
        if len(set(places)) < len(places):
            raise invalid("Provided list of item keys contains duplicates")
        for write in writes:
            write.new(None)
        return writes


def _write(table: Table, request: dict[str, Json]) -> Write:
    given = {name: value for name, value in request.items() if value is not None}
    if len(given) != 1:
        raise invalid("Supplied WriteRequest must contain exactly one of PutRequest, DeleteRequest")
    if "PutRequest" not in given:
        return delete(table, given["DeleteRequest"])
    try:
        return put(table, given["PutRequest"])
    except ApiError as error:
        if "Type mismatch for key" in error.message or "Missing the key" in error.message:
            raise invalid("The provided key element does not match the schema") from None
        raise
