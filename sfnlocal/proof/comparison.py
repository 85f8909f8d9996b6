"""What a run left in the app's tables, queues and buckets, so that two runs can be compared.

Times, ids that are made on the way and the names of replays differ between two runs that came to
the same: they are replaced by words. What a project's proof ignores is left out.
"""

from __future__ import annotations

import base64
import difflib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sfnlocal.driver.session import Session
from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.template import App, Resource, short_ids

_TABLES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
_QUEUE, _BUCKET = "AWS::SQS::Queue", "AWS::S3::Bucket"
_CONTEXT_LINES = 2
_LINES_MAX = 40

# What replaces what differs. The order counts.
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "(time)"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "(id)"),
    (re.compile(r"-replay-\d+\b"), ""),
    # Task tokens.
    (re.compile(r"\bAQC[A-Za-z0-9+/=]{40,}"), "(token)"),
)


class Entry(NamedTuple):
    """As JSON text. An item of a table with a time to live may be gone from `expires_ms` on."""

    text: str
    expires_ms: float = math.inf


@dataclass(frozen=True, slots=True)
class Left:
    """Entries by table, queue or bucket (its short construct id), sorted."""

    now_ms: int = 0
    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)


class _Kept(NamedTuple):
    """`expires` is the attribute with the time to live of a table that has one."""

    name: str
    resource: Resource
    expires: str | None


class Comparison:
    """Reads what is left in sessions of the app, without what is ignored. Messages of
    `at_least_once` queues count once. InputError for a name that the app does not have."""

    def __init__(self, app: App, ignored: Set[str], at_least_once: Set[str]) -> None:
        self._kept: list[_Kept] = []
        self._attributes: dict[str, set[str]] = {}
        self._once = at_least_once
        names: set[str] = set()
        for types in (_TABLES, (_QUEUE,), (_BUCKET,)):
            resources = app.of_type(*types)
            ids = short_ids(resources)
            for resource in resources:
                name = ids[resource.where]
                names.add(name)
                if name not in ignored:
                    time_to_live = resource.properties.get("TimeToLiveSpecification", {})
                    self._kept.append(_Kept(name, resource, time_to_live.get("AttributeName")))
        for path in ignored:
            name, _, attribute = path.rpartition(".")
            if path not in names and name in names:
                self._attributes.setdefault(name, set()).add(attribute)
        unknown = (ignored | self._once) - names
        unknown -= {f"{name}.{one}" for name, all_ in self._attributes.items() for one in all_}
        if unknown:
            raise InputError(
                f"the app has no table, queue or bucket {min(unknown)!r}",
                where="what a proof ignores",
                hint="it has " + ", ".join(sorted(names)),
            )

    def read(self, session: Session) -> Left:
        found: dict[str, tuple[Entry, ...]] = {}
        for name, resource, expires in self._kept:
            entries = [
                Entry(
                    json.dumps(_worded(self._without(name, entry)), sort_keys=True),
                    _expires_ms(entry, expires),
                )
                for entry in _entries(session, resource)
            ]
            found[name] = tuple(sorted(set(entries) if name in self._once else entries))
        return Left(session.now_ms, found)

    def _without(self, name: str, entry: Json) -> Json:
        ignored = self._attributes.get(name)
        if not ignored or not isinstance(entry, dict):
            return entry
        return {key: value for key, value in entry.items() if key not in ignored}


def difference(expected: Left, actual: Left) -> str:
    """Empty where they are the same; `-` is what the fault-free run left."""
    lines: list[str] = []
    # What only time has taken away makes no difference.
    now_ms = max(expected.now_ms, actual.now_ms)
    for name, entries in expected.entries.items():
        others = actual.entries.get(name, ())
        if entries == others:
            continue
        before, after = _missed(entries, others, now_ms)
        if before != after:
            lines.append(f"{name}:")
            lines += _diff(before, after)
    if len(lines) > _LINES_MAX:
        lines[_LINES_MAX:] = [f"... and {len(lines) - _LINES_MAX} more lines"]
    return "\n".join(lines)


def _missed(
    entries: Sequence[Entry], others: Sequence[Entry], now_ms: int
) -> tuple[list[str], list[str]]:
    """Both without those that only one has, and that have expired."""
    both = Counter(one.text for one in entries) & Counter(one.text for one in others)
    return _kept(entries, both, now_ms), _kept(others, both, now_ms)


def _kept(entries: Sequence[Entry], both: Counter[str], now_ms: int) -> list[str]:
    return [one.text for one in entries if one.text in both or one.expires_ms > now_ms]


def _expires_ms(entry: Json, attribute: str | None) -> float:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html"""
    seconds = entry.get(attribute) if isinstance(entry, dict) and attribute else None
    return seconds * 1000 if isinstance(seconds, int | float) else math.inf


def _diff(expected: Iterable[str], actual: Iterable[str]) -> Iterator[str]:
    before, after = _lines(expected), _lines(actual)
    for line in difflib.unified_diff(before, after, n=_CONTEXT_LINES, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield f"  {line}"


def _lines(entries: Iterable[str]) -> list[str]:
    return [
        line for entry in entries for line in json.dumps(json.loads(entry), indent=1).splitlines()
    ]


def _worded(value: Json) -> Json:
    match value:
        case str():
            for pattern, word in _WORDS:
                value = pattern.sub(word, value)
        case int() if not isinstance(value, bool) and _is_time(value):
            return "(time)"
        case dict():
            return {_worded(key): _worded(one) for key, one in value.items()}
        case list():
            return [_worded(one) for one in value]
    return value


def _is_time(number: int) -> bool:
    """Seconds or milliseconds from 2017 to 2096."""
    return any(1_500_000_000 * unit <= number < 4_000_000_000 * unit for unit in (1, 1000))


def _entries(session: Session, resource: Resource) -> Iterator[Json]:
    if resource.type == _QUEUE:
        for message in session.aws.queues.peek(resource.arn):
            yield _parsed(message.body)
    elif resource.type == _BUCKET:
        yield from _objects(session, resource.name)
    else:
        yield from _items(session, resource.name)


def _items(session: Session, table: str) -> Iterator[Json]:
    for item in session.aws.tables.items(table):
        yield {key: _plain(value) for key, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Json:
    """Of an AttributeValue."""
    [(kind, held)] = value.items()
    match kind:
        case "M":
            return {key: _plain(one) for key, one in held.items()}
        case "L":
            return [_plain(one) for one in held]
        case "N":
            return json.loads(held) if re.fullmatch(r"-?\d+(\.\d+)?", held) else held
        case "SS" | "NS":
            return sorted(held)
        case "B":
            return base64.b64encode(held).decode()
        case "BS":
            return sorted(base64.b64encode(one).decode() for one in held)
        case "S":
            return _parsed(held) if held[:1] in ("{", "[") else held
    return None if kind == "NULL" else held


def _objects(session: Session, bucket: str) -> Iterator[Json]:
    if session.aws.waits_for_first_call("s3", {"Bucket": bucket}):
        # Nobody has called it: it is not even made yet.
        return
    listed = session.aws.call("s3", "ListObjectsV2", {"Bucket": bucket})
    for entry in listed.get("Contents", []):
        params = {"Bucket": bucket, "Key": entry["Key"]}
        body = session.aws.call("s3", "GetObject", params)["Body"].read()
        yield {"key": entry["Key"], "body": _parsed(body.decode("utf-8", "replace"))}


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text
