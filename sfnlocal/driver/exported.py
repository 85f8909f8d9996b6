"""Histories exported from AWS: read, put in order, and refused with a reason where they do not
tell everything that a replay needs.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sfnlocal.errors import InputError, UnsupportedError
from sfnlocal.ports import Json

Event: TypeAlias = Mapping[str, Any]
"""As GetExecutionHistory gives it; `timestamp` is epoch milliseconds, or absent."""

_EXPORT = "export it with: aws stepfunctions get-execution-history --execution-arn ARN"
_WITH_DATA = f"{_EXPORT} --include-execution-data"
_ENDS = frozenset(
    {"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}
)
# Of types that end so.
_NEEDED = {
    "StateEntered": ("name", "input"),
    "StateExited": ("name", "output"),
    "MapIterationStarted": ("name", "index"),
    "MapRunStarted": ("mapRunArn",),
    "MapRunRedriven": ("mapRunArn",),
}
_PAYLOADS = frozenset({"input", "output"})
_TEXTS = frozenset(
    {
        "name",
        "error",
        "cause",
        "location",
        "region",
        "roleArn",
        "workerName",
        "mapRunArn",
        "stateMachineAliasArn",
        "stateMachineVersionArn",
    }
)
# An Express execution's log events have these instead of `previousEventId` and `...Details`.
_OF_LOGS = frozenset({"previous_event_id", "event_timestamp", "execution_arn"})
# Above it, a number of milliseconds; below, of seconds (it is the year 5138).
_SECONDS_MAX = 100_000_000_000


def read_history(texts: Mapping[str, str]) -> list[Event]:
    """The events of one execution, in their order. `texts` are its pages by the name of their
    file: each has GetExecutionHistory's answer, several of them, or a list of events. Raises
    InputError for what is no whole history, UnsupportedError for one that is not replayed."""
    events: dict[int, Event] = {}
    where = ", ".join(texts)
    for name, text in texts.items():
        for found in _found(name, text):
            event = _event(name, found)
            known = events.setdefault(event["id"], event)
            if known != event:
                raise InputError(
                    f"two events have the id {event['id']}: {known['type']} and {event['type']}",
                    where=where,
                    hint="give the pages of one execution only",
                )
    ordered = [events[number] for number in sorted(events)]
    _check_whole(ordered, where)
    _check_data(ordered, where)
    return ordered


def _found(where: str, text: str) -> Iterator[Json]:
    """Whatever stands where events do. Pages may have been appended to each other."""
    decoder = json.JSONDecoder()
    at = 0
    documents = []
    while at < len(text):
        if text[at].isspace() or text[at] == "\ufeff":
            at += 1
            continue
        try:
            document, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise InputError(
                f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
                where=where,
                hint=_EXPORT,
            ) from None
        documents.append(document)
    yield from _listed(documents, where)


def _listed(documents: Iterable[Json], where: str) -> Iterator[Json]:
    for document in documents:
        if isinstance(document, list):
            yield from _listed(document, where)
        elif isinstance(document, dict) and isinstance(document.get("events"), list):
            yield from document["events"]
        else:
            yield document


def _event(where: str, found: Json) -> Event:
    if isinstance(found, dict) and not _OF_LOGS.isdisjoint(found):
        raise UnsupportedError(
            "the log of an Express execution is not replayed",
            where=where,
            hint="only Standard executions have a history that GetExecutionHistory gives",
        )
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("type"), str)
        or not _is_number(found.get("id"))
        or not _is_number(found.get("previousEventId", 0))
        or not all(isinstance(found[key], dict) for key in found if key.endswith("EventDetails"))
    ):
        shown = json.dumps(found, ensure_ascii=False)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        raise InputError(f"no history: {shown} is no event", where=where, hint=_EXPORT)
    event = {"previousEventId": 0, **found}
    if (timestamp := event.pop("timestamp", None)) is not None:
        event["timestamp"] = _epoch_ms(timestamp, f"{where}: event {event['id']}")
    return event


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _epoch_ms(timestamp: object, where: str) -> int:
    """Of seconds, milliseconds, or a time in ISO 8601: the AWS CLI writes either."""
    if isinstance(timestamp, int | float):
        return round(timestamp if timestamp > _SECONDS_MAX else timestamp * 1000)
    try:
        moment = datetime.fromisoformat(str(timestamp))
    except ValueError:
        raise InputError(f"{timestamp!r} is no time", where=where, hint=_EXPORT) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _check_whole(events: list[Event], where: str) -> None:
    if not events:
        raise InputError("no history: it has no events", where=where, hint=_EXPORT)
    all_pages = "give every page: the AWS CLI follows nextToken unless --no-paginate or --max-items"
    for expected, event in enumerate(events, 1):
        if event["id"] != expected:
            raise InputError(
                f"the history is not whole: event {expected} is missing",
                where=where,
                hint=all_pages,
            )
        if event["previousEventId"] >= expected:
            raise InputError(
                f"no history: event {expected} follows event {event['previousEventId']}",
                where=where,
                hint=_EXPORT,
            )
    first, last = events[0], events[-1]
    if first["type"] != "ExecutionStarted":
        raise InputError(
            f"no history of an execution: it begins with {first['type']}", where=where, hint=_EXPORT
        )
    if last["type"] not in _ENDS:
        raise InputError(
            f"the history is not whole: it breaks off after event {last['id']}, {last['type']}",
            where=where,
            hint=f"{all_pages}; an execution that still runs is replayed when it has ended",
        )


def _check_data(events: list[Event], where: str) -> None:
    """A replay needs every payload as it was."""
    if "input" not in details(events[0]):
        raise InputError("the history has no execution data", where=where, hint=_WITH_DATA)
    for event in events:
        for name, value in details(event).items():
            if isinstance(value, dict) and value.get("truncated") is True:
                raise InputError(
                    f"{_called(event)}: its {name.removesuffix('Details')} is truncated",
                    where=where,
                    hint="what AWS has cut away cannot be replayed",
                )
        wrong = _wrong(event)
        if wrong:
            raise InputError(f"{_called(event)}: {wrong}", where=where, hint=_WITH_DATA)


def _called(event: Event) -> str:
    return f"event {event['id']}, {event['type']}"


def _wrong(event: Event) -> str:
    """What an event of its type cannot be without, or has in another form."""
    told = details(event)
    for end, names in _NEEDED.items():
        missing = [name for name in names if event["type"].endswith(end) and name not in told]
        if missing:
            return f"it has no {missing[0]}"
    for name, value in told.items():
        if name in _TEXTS and not isinstance(value, str):
            return f"its {name} is no text"
        if name in _PAYLOADS and not _is_json(value):
            return f"its {name} is no JSON text"
    assigned = told.get("assignedVariables", {})
    if not isinstance(assigned, dict) or not all(map(_is_json, assigned.values())):
        return "its assignedVariables are no JSON texts"
    return ""


def _is_json(text: object) -> bool:
    try:
        json.loads(text if isinstance(text, str) else "")
    except ValueError:
        return False
    return True


def details(event: Event) -> Mapping[str, Any]:
    """What stands in the event beside its type, time and predecessor."""
    return next((event[key] for key in event if key.endswith("EventDetails")), {})


def state_name(events: Sequence[Event], event: Event) -> str:
    """The state that an event is about; empty where it is about the execution alone."""
    if "name" in details(event):
        return str(details(event)["name"])
    kind = next((kind for kind in ("Parallel", "Map") if event["type"].startswith(kind)), "")
    inside = 0
    while previous := event["previousEventId"]:
        event = events[previous - 1]
        if event["type"].endswith(f"{kind}StateExited"):
            inside += 1
        elif event["type"].endswith(f"{kind}StateEntered"):
            if not inside:
                return str(details(event)["name"])
            inside -= 1
    return ""
