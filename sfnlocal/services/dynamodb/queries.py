"""Query and Scan: pages of a table's or an index's items.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.bound import Expressions
from sfnlocal.services.dynamodb.capacity import Consumption, read_units
from sfnlocal.services.dynamodb.collection import Collection, Slice, Stored
from sfnlocal.services.dynamodb.conditions import Predicate
from sfnlocal.services.dynamodb.errors import choice, constraint, invalid, invalid_values
from sfnlocal.services.dynamodb.indexes import Index
from sfnlocal.services.dynamodb.key_conditions import KeyCondition, key_condition
from sfnlocal.services.dynamodb.keys import PARTITION_BITS, KeySchema
from sfnlocal.services.dynamodb.projections import Choice
from sfnlocal.services.dynamodb.reads import given
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Table
from sfnlocal.services.dynamodb.values import Item, copied_item, item_from

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
PAGE_BYTES_MAX = 1024 * 1024
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
_SEGMENTS_MAX = 1_000_000
_SELECT = ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES")


@dataclass(frozen=True, slots=True)
class Source:
    """What is read: a table, or one of its indexes."""

    table: Table
    index: Index | None

    @property
    def items(self) -> Collection:
        return self.table.items if self.index is None else self.index.entries

    @property
    def keys(self) -> KeySchema:
        return self.table.keys if self.index is None else self.index.keys

    def key_of(self, item: Item) -> Item:
        """What a page is continued from."""
        key = self.table.keys.key_of(item)
        return key if self.index is None else {**self.index.keys.key_of(item), **key}

    def seen(self, stored: Stored, *, whole: bool) -> Stored:
        """What of an item is read here; `whole`: with what the index has not."""
        return stored if self.index is None or whole else self.index.projected(stored)

    def start(self, params: Mapping[str, Json]) -> Item | None:
        """ExclusiveStartKey. Raises ApiError."""
        if not params.get("ExclusiveStartKey"):
            return None
        key = item_from(params["ExclusiveStartKey"])
        types = {**self.keys.types, **self.table.keys.types}
        if key.keys() != types.keys() or any(types[name] not in key[name] for name in key):
            raise invalid("The provided starting key is invalid")
        return key

    def continued(self, chosen: Slice, start: Item | None, *, forward: bool) -> Slice:
        if start is None:
            return chosen
        place = self.keys.place(start) if self.index is None else self.index.place(start)
        if forward:
            return self.items.after(chosen, place)
        return self.items.before(chosen, place)


@dataclass(frozen=True, slots=True)
class Reading:
    """What of the items is wanted. `filtered` are the attributes that the filter looks at;
    `whole`: also what the index has not."""

    filter: Predicate | None
    filtered: list[str]
    projection: Choice | None
    counts_only: bool
    whole: bool
    limit: int | None


class QueryOperations:
    def __init__(self, tables: TableRegistry) -> None:
        self._tables = tables
        self.operations = {"Query": self.query, "Scan": self.scan}

    def query(self, params: dict[str, Json]) -> dict[str, Json]:
        source = self._source(params, "Query")
        kinds = ["FilterExpression", "KeyConditionExpression"]
        expressions = Expressions(params, [*kinds, "ProjectionExpression"])
        condition: KeyCondition | None = expressions.key_condition(
            lambda parsed, scope: key_condition(parsed, scope, source.keys)
        )
        if condition is None:
            raise invalid(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in "
                "the request."
            )
        reading = _reading(params, expressions, source)
        for name in reading.filtered:
            if name in source.keys.types:
                raise invalid(
                    "Filter Expression can only contain non-primary key attributes: "
                    f"Primary key attribute: {name}"
                )
        forward = params.get("ScanIndexForward") is not False
        chosen = condition.slice(source.items)
        start = source.start(params)
        if start is not None and start[source.keys.partition] != condition.partition:
            raise invalid(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        chosen = source.continued(chosen, start, forward=forward)
        return _page(params, source, reading, chosen, forward=forward)

    def scan(self, params: dict[str, Json]) -> dict[str, Json]:
        source = self._source(params, "Scan")
        expressions = Expressions(params, ["FilterExpression", "ProjectionExpression"])
        reading = _reading(params, expressions, source)
        chosen = _segment(params, source.items)
        start = source.start(params)
        return _page(params, source, reading, source.continued(chosen, start, forward=True))

    def _source(self, params: Mapping[str, Json], operation: str) -> Source:
        table = self._tables.find(params)
        name = params.get("IndexName")
        if name is None:
            return Source(table, None)
        index = table.indexes.get(name)
        if index is None:
            raise invalid(f"The table does not have the specified index: {name}")
        if index.kind == "GLOBAL" and params.get("ConsistentRead"):
            raise invalid("Consistent reads are not supported on global secondary indexes")
        return Source(table, index)


def _reading(params: Mapping[str, Json], expressions: Expressions, source: Source) -> Reading:
    predicate, filtered = expressions.filter()
    projection = expressions.projection()
    expressions.check_all_used()
    limit = params.get("Limit")
    if limit is not None and limit < 1:
        raise constraint("limit", limit, "have value greater than or equal to 1")
    select = params.get("Select")
    if select is not None and select not in _SELECT:
        raise choice("select", select, _SELECT)
    if projection is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
        raise invalid(
            "Cannot specify the ProjectionExpression when choosing to get "
            + ("only the Count" if select == "COUNT" else str(select))
        )
    if projection is None and select == "SPECIFIC_ATTRIBUTES":
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES"
        )
    whole = _whole(source, select, projection)
    return Reading(predicate, filtered, projection, select == "COUNT", whole, limit)


def _whole(source: Source, select: str | None, projection: Choice | None) -> bool:
    index = source.index
    if index is None:
        if select == "ALL_PROJECTED_ATTRIBUTES":
            raise invalid(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
            )
        return False
    asked = select == "ALL_ATTRIBUTES" or any(
        not index.projects(str(name)) for name in projection or ()
    )
    if index.kind == "LOCAL" or index.projects_all:
        return asked
    if select == "ALL_ATTRIBUTES":
        raise invalid_values(
            "Select type ALL_ATTRIBUTES is not supported for global secondary index "
            f"{index.name} because its projection type is not ALL"
        )
    return False


def _segment(params: Mapping[str, Json], items: Collection) -> Slice:
    """A parallel scan's part of the partitions."""
    segment, total = params.get("Segment"), params.get("TotalSegments")
    if segment is None and total is None:
        return items.everything
    if segment is None:
        raise invalid(
            "The Segment parameter is required but was not present in the request when "
            "parameter TotalSegments is present"
        )
    if total is None:
        raise invalid(
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present"
        )
    if not 1 <= total <= _SEGMENTS_MAX:
        bound = (
            "greater than or equal to 1" if total < 1 else f"less than or equal to {_SEGMENTS_MAX}"
        )
        raise constraint("totalSegments", total, f"have value {bound}")
    if segment < 0:
        raise constraint("segment", segment, "have value greater than or equal to 0")
    if segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    low, high = ((one << PARTITION_BITS) // total for one in (segment, segment + 1))
    return items.between((low,), (high,))


def _page(
    params: Mapping[str, Json],
    source: Source,
    reading: Reading,
    chosen: Slice,
    *,
    forward: bool = True,
) -> dict[str, Json]:
    consumption = Consumption(params)
    consistent = bool(params.get("ConsistentRead"))
    found: list[Item] = []
    count = scanned = read_bytes = 0
    last: Item | None = None
    for stored in source.items.walk(chosen, forward=forward):
        seen = source.seen(stored, whole=reading.whole)
        if scanned and read_bytes + seen.size_bytes > PAGE_BYTES_MAX:
            break
        scanned, read_bytes, last = scanned + 1, read_bytes + seen.size_bytes, stored.item
        if reading.filter is None or reading.filter(seen.item):
            count += 1
            if not reading.counts_only:
                found.append(given(seen, reading.projection))
        if reading.whole:
            consumption.read(source.table, read_units(stored.size_bytes, consistent=consistent))
        if scanned == reading.limit:
            break
    else:
        last = None
    name = None if source.index is None else source.index.name
    consumption.read(source.table, read_units(read_bytes, consistent=consistent), name)
    answer: dict[str, Json] = {"Count": count, "ScannedCount": scanned}
    if not reading.counts_only:
        answer["Items"] = found
    if last is not None:
        answer["LastEvaluatedKey"] = copied_item(source.key_of(last))
    return consumption.answer(answer)
