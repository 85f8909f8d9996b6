"""The first difference between two histories of one workflow, such as AWS's and ours.

No I/O. Two runs never agree to the byte, so some things do not count:

* times: `timestamp`, and ISO 8601 times inside texts;
* the numbers of events inside texts (`entered at the event id #4`);
* ids: an ARN with an account, a UUID, a queue's URL, an account, a region and a task token (any
  base64 of 64 characters or more) may differ, but what has one name on the one side has one name
  on the other, throughout;
* what a called service adds and nobody chose: the keys in `NOT_COMPARED`;
* the order of events of different branches and iterations, which AWS does not promise: each is
  held against its own counterpart, by state name or index.

A text that holds JSON is compared as JSON, so the order of keys does not count either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from sfnlocal.ports import Json

Event: TypeAlias = Mapping[str, Any]
"""As GetExecutionHistory gives it."""

NOT_COMPARED = frozenset(
    {
        "timestamp",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
        "requestId",
        "stackTrace",
        "trace",
        "MD5OfMessageBody",
        "MD5OfMessageAttributes",
        "ReceiptHandle",
        "SequenceNumber",
    }
)
_OF_THE_RUN = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?|(?<=event id )#\d+"
)
_ID = re.compile(
    r"arn:[\w-]+:[\w-]+:[\w-]*:\d{12}:[^\s\"',)]+"
    r"|https://[\w.-]+/\d{12}/[\w.-]+"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|[A-Za-z0-9+/_-]{64,}={0,2}"
    r"|\b\d{12}\b"
)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")

_KINDS = ("Parallel", "Map")
_FORKS = tuple(f"{kind}StateStarted" for kind in _KINDS)
_JOINS = tuple(f"{kind}State{how}" for kind in _KINDS for how in ("Succeeded", "Failed", "Aborted"))
# They follow the last event of whichever branch or iteration ended last; an iteration that had to
# wait follows the one whose place it takes.
_IN_ANY_ORDER = frozenset(
    (*_FORKS, *_JOINS, "MapIterationStarted", *(f"{kind}StateExited" for kind in _KINDS))
)

Lane: TypeAlias = tuple[Any, ...]


class Difference(NamedTuple):
    """`left` and `right` are the events that should be alike, None where a side has no more.
    `path` leads to what differs in them, `why` says how."""

    left: Event | None
    right: Event | None
    path: str
    why: str


def first_difference(
    left: Sequence[Event], right: Sequence[Event], same: Mapping[str, str] | None = None
) -> Difference | None:
    """By the order of `left`; None where the histories tell the same. `same` are further names
    that may differ, left to right."""
    return compared(left, right, Comparison(dict(same or {})))


def compared(
    left: Sequence[Event], right: Sequence[Event], comparison: Comparison
) -> Difference | None:
    """The same with a comparison of one's own."""
    first, second = comparison.sides
    partners = _by_lane(right)
    places: dict[int, int] = {}
    lanes = Lanes()
    for event in left:
        other = partners.pop(lanes.place(event), None)
        if other is None:
            return Difference(event, None, "", f"only {first} has this event")
        places[event["id"]] = other["id"]
        found = comparison.compare(_told(event), _told(other), "")
        if found is None and event["type"] not in _IN_ANY_ORDER:
            found = _compare_previous(event, other, places, second)
        if found is not None:
            return Difference(event, other, *found)
    for other in partners.values():
        return Difference(None, other, "", f"only {second} has this event")
    return None


def _told(event: Event) -> dict[str, Any]:
    return {key: event[key] for key in event if key not in ("id", "previousEventId")}


def _compare_previous(
    event: Event, other: Event, places: dict[int, int], second: str
) -> tuple[str, str] | None:
    expected = places.get(event["previousEventId"], 0)
    if other["previousEventId"] == expected:
        return None
    why = (
        f"it follows event {event['previousEventId']}, and so event {expected} of {second}, "
        f"not event {other['previousEventId']}"
    )
    return "/previousEventId", why


# --- branches and iterations


class Lanes:
    """Tells events, given in their order, apart by branch and iteration. A lane is (Parallel or
    Map, the lane around it, when it forked, which one it is)."""

    def __init__(self) -> None:
        self._lanes: dict[int, Lane] = {0: ()}
        self._types: dict[int, str] = {}
        self._counts: dict[Lane, int] = {}
        self._entered: set[tuple[Lane, str]] = set()

    def place(self, event: Event) -> tuple[Lane, int]:
        """The event's lane, and its number in it: what it has in every history of this workflow
        that does the same."""
        type, previous = event["type"], event["previousEventId"]
        lane, before = self._lanes.get(previous, ()), self._types.get(previous, "")
        if type.startswith("Execution"):
            lane = ()
        elif type in _FORKS or type in _JOINS:
            lane = _of_state(type, lane, before)
        elif type.startswith("MapRun"):
            # Its items are executions of their own.
            pass
        elif type == "MapIterationStarted" or before in _FORKS:
            around = lane if before in _FORKS else _around(lane, "Map")
            kind = "Map" if type == "MapIterationStarted" else "Parallel"
            lane = (kind, around, self._counts.get(around, 0), _discriminator(event))
        elif type.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            while lane and (lane, name) not in self._entered:
                lane = lane[1]
        if type.endswith("StateEntered"):
            self._entered.add((lane, event["stateEnteredEventDetails"]["name"]))
        self._lanes[event["id"]] = lane
        self._types[event["id"]] = type
        count = self._counts[lane] = self._counts.get(lane, 0) + 1
        return lane, count


def _of_state(type: str, lane: Lane, before: str) -> Lane:
    """The lane of a Parallel or Map state one of whose events follows an event in `lane`."""
    kind = type.partition("State")[0]
    if before in (f"{kind}StateEntered", f"{kind}StateStarted") or before.startswith("MapRun"):
        return lane
    return _around(lane, kind)


def _around(lane: Lane, kind: str) -> Lane:
    while lane:
        inner, lane = lane[0], lane[1]
        if inner == kind:
            return lane
    return ()


def _discriminator(event: Event) -> str | int | None:
    """Which branch or iteration starts with this event."""
    for key in ("mapIterationStartedEventDetails", "stateEnteredEventDetails"):
        if key in event:
            details = event[key]
            number: str | int | None = details.get("index", details.get("name"))
            return number
    return None


def _by_lane(events: Sequence[Event]) -> dict[tuple[Lane, int], Event]:
    lanes = Lanes()
    return {lanes.place(event): event for event in events}


# --- values


@dataclass(slots=True)
class Comparison:
    """`names` are the ids met so far, left to right; `taken` the other way round. `sides` are what
    the two histories are called."""

    names: dict[str, str]
    sides: tuple[str, str] = ("the first history", "the second history")
    taken: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.taken = {right: left for left, right in self.names.items()}

    def compare(self, left: Json, right: Json, path: str) -> tuple[str, str] | None:
        """Path and reason of the first difference."""
        if isinstance(left, str) and isinstance(right, str):
            parsed = _parsed(left), _parsed(right)
            if parsed[0] is not None and parsed[1] is not None:
                return self.compare(*parsed, path)
            return self.texts(left, right, path)
        if isinstance(left, dict) and isinstance(right, dict):
            return self._objects(left, right, path)
        if isinstance(left, list) and isinstance(right, list):
            return self._arrays(left, right, path)
        if left == right and isinstance(left, bool) == isinstance(right, bool):
            return None
        return path, self._differ(left, right)

    def _objects(
        self, left: dict[str, Json], right: dict[str, Json], path: str
    ) -> tuple[str, str] | None:
        first, second = self.sides
        for key in (*left, *(key for key in right if key not in left)):
            if key in NOT_COMPARED:
                continue
            inside = f"{path}/{key}"
            if key not in right:
                return inside, f"only {first} has it: {_shown(left[key])}"
            if key not in left:
                return inside, f"only {second} has it: {_shown(right[key])}"
            found = self.compare(left[key], right[key], inside)
            if found is not None:
                return found
        return None

    def _arrays(self, left: list[Json], right: list[Json], path: str) -> tuple[str, str] | None:
        for index, pair in enumerate(zip(left, right, strict=False)):
            found = self.compare(*pair, f"{path}/{index}")
            if found is not None:
                return found
        if len(left) != len(right):
            return path, f"{len(left)} items, {len(right)} in {self.sides[1]}"
        return None

    def texts(self, left: str, right: str, path: str) -> tuple[str, str] | None:
        if self.names.get(left) == right:
            return None
        left, right = _OF_THE_RUN.sub("", left), _OF_THE_RUN.sub("", right)
        ids = _ID
        if _REGION.fullmatch(left) and _REGION.fullmatch(right):
            ids = _REGION
        if ids.split(left) != ids.split(right):
            return path, self._differ(left, right)
        pairs = zip(ids.finditer(left), ids.finditer(right), strict=True)
        for one, other in ((first[0], second[0]) for first, second in pairs):
            if self.names.setdefault(one, other) != other:
                return path, f"{one} was {self.names[one]} before, and is {other} here"
            if self.taken.setdefault(other, one) != one:
                return path, f"{other} was {self.taken[other]} before, and is {one} here"
        return None

    def _differ(self, left: Json, right: Json) -> str:
        return f"{_shown(left)}, {_shown(right)} in {self.sides[1]}"


def _parsed(text: str) -> Json:
    """An object or array; None for any other text."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:160]} ... {text[-30:]}"
