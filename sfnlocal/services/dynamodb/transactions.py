"""TransactWriteItems and TransactGetItems: all or nothing.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.capacity import Consumption, read_units
from sfnlocal.services.dynamodb.collection import Stored
from sfnlocal.services.dynamodb.errors import constraint, invalid, missing
from sfnlocal.services.dynamodb.keys import Place
from sfnlocal.services.dynamodb.reads import Get, given
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Table, Written
from sfnlocal.services.dynamodb.writes import (
    Write,
    check,
    collection_metrics,
    delete,
    put,
    update,
    wants_collection_metrics,
)

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
_ITEMS_MAX = 100
_BYTES_MAX = 4 * 1024 * 1024
_TOKEN_MS_MAX = 10 * 60 * 1000
_TOKEN_CHARS_MAX = 36

_ACTIONS: Mapping[str, Callable[[Table, Mapping[str, Json]], Write]] = {
    "ConditionCheck": check,
    "Put": put,
    "Delete": delete,
    "Update": update,
}
_T = TypeVar("_T")
_CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ValidationException": "ValidationError",
}


@dataclass(frozen=True, slots=True)
class _Done:
    """A transaction that has succeeded, by its token."""

    request: str
    at_ms: int


class TransactionOperations:
    def __init__(self, tables: TableRegistry) -> None:
        self._tables = tables
        self._done: dict[str, _Done] = {}
        self.operations = {
            "TransactWriteItems": self.transact_write_items,
            "TransactGetItems": self.transact_get_items,
        }

    def transact_write_items(self, params: dict[str, Json]) -> dict[str, Json]:
        entries = _entries(params)
        consumption, metrics = Consumption(params), wants_collection_metrics(params)
        writes = [self._write(entry) for entry in entries]
        _check_distinct([(one.table.name, one.table.keys.place(one.key)) for one in writes])
        token = params.get("ClientRequestToken")
        if token and self._is_done(token, entries):
            consumption.transactional("Read")
            for write in writes:
                stored = write.old()
                size_bytes = 0 if stored is None else stored.size_bytes
                consumption.read(write.table, read_units(size_bytes, consistent=True))
            return consumption.answer({}, several=True)
        consumption.transactional("Write")
        for write, old, new in _changes(writes):
            checks_only = old is new
            written = _checked(old) if checks_only else write.table.replace(old, new)
            consumption.wrote(write.table, written)
        if token:
            self._done[token] = _Done(_request(entries), self._tables.now_ms)
        answer: dict[str, Json] = {}
        if metrics:
            answer["ItemCollectionMetrics"] = _collections(writes)
        return consumption.answer(answer, several=True)

    def _write(self, entry: Mapping[str, Json]) -> Write:
        name, params = _single(entry, _ACTIONS)
        return _ACTIONS[name](self._tables.find(params), params)

    def _is_done(self, token: str, entries: list[Json]) -> bool:
        if len(token) > _TOKEN_CHARS_MAX:
            raise constraint(
                "clientRequestToken",
                token,
                f"have length less than or equal to {_TOKEN_CHARS_MAX}",
            )
        now_ms = self._tables.now_ms
        old = [one for one, done in self._done.items() if now_ms - done.at_ms > _TOKEN_MS_MAX]
        for one in old:
            del self._done[one]
        done = self._done.get(token)
        if done is not None and done.request != _request(entries):
            raise ApiError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request. "
                "Do not reuse a client token with different requests, unless the requests are "
                "identical",
            )
        return done is not None

    def transact_get_items(self, params: dict[str, Json]) -> dict[str, Json]:
        consumption = Consumption(params)
        consumption.transactional("Read")
        gets = [self._get(entry) for entry in _entries(params)]
        _check_distinct([(one.table.name, one.table.keys.place(one.key)) for one in gets])
        responses: list[Json] = []
        for get in gets:
            stored = get.stored()
            size_bytes = 0 if stored is None else stored.size_bytes
            consumption.read(get.table, read_units(size_bytes, consistent=True))
            responses.append({} if stored is None else {"Item": given(stored, get.projection)})
        return consumption.answer({"Responses": responses}, several=True)

    def _get(self, entry: Mapping[str, Json]) -> Get:
        _, params = _single(entry, ("Get",))
        return Get(self._tables.find(params), params)


def _entries(params: Mapping[str, Json]) -> list[Json]:
    entries: list[Json] | None = params.get("TransactItems")
    if entries is None:
        raise missing("TransactItems")
    if not entries:
        raise constraint("transactItems", "[]", "have length greater than or equal to 1")
    if len(entries) > _ITEMS_MAX:
        raise constraint(
            "transactItems", entries, f"have length less than or equal to {_ITEMS_MAX}"
        )
    return entries


def _single(
    entry: Mapping[str, Json], allowed: Mapping[str, _T] | tuple[str, ...]
) -> tuple[str, Mapping[str, Json]]:
    found = [(name, value) for name, value in entry.items() if value is not None]
    if len(found) != 1 or found[0][0] not in allowed:
        raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
    return found[0]


def _check_distinct(places: list[tuple[str, Place]]) -> None:
    if len(set(places)) < len(places):
        raise invalid("Transaction request cannot include multiple operations on one item")


def _changes(writes: list[Write]) -> list[tuple[Write, Stored | None, Stored | None]]:
    """What is to be done. Raises ApiError with a reason for each item where one cannot be."""
    changes: list[tuple[Write, Stored | None, Stored | None]] = []
    reasons: list[dict[str, Json]] = []
    for write in writes:
        old = write.old()
        try:
            write.check(old)
            changes.append((write, old, write.new(old)))
            reasons.append({"Code": "None"})
        except ApiError as error:
            code = _CODES[error.aws_code]
            reasons.append({"Code": code, "Message": error.message, **error.members})
    if len(changes) < len(writes):
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = (
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            f"[{codes}]"
        )
        members = {"Message": message, "CancellationReasons": reasons}
        raise ApiError("TransactionCanceledException", message, members=members)
    if sum(new.size_bytes for _, _, new in changes if new is not None) > _BYTES_MAX:
        raise invalid("Item size to update has exceeded the maximum allowed size")
    return changes


def _checked(old: Stored | None) -> Written:
    """A condition check costs what a write of the item does."""
    size_bytes = 0 if old is None else old.size_bytes
    return Written(max(1, -(-size_bytes // 1024)), {})


def _collections(writes: list[Write]) -> dict[str, Json]:
    found: dict[str, list[Json]] = {}
    for write in writes:
        if write.table.has_local_indexes:
            found.setdefault(write.table.name, []).append(collection_metrics(write))
    return found


def _request(entries: list[Json]) -> str:
    return repr(entries)
