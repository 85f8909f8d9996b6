"""Archives, which keep a bus's events, and replays, which send them to its rules again.

A replay sends the events in the order of their time, minute by minute; AWS does not say how fast.
Here the events of one minute follow those of the last after a second.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_bytes
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.bus_events import epoch_ms
from sfnlocal.triggers.patterns import Pattern

# What CreateArchive and UpdateArchive may set.
ARCHIVE_FIELDS = ("Description", "EventPattern", "RetentionDays", "KmsKeyIdentifier")
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_GROUP_MS = 1_000
_UNDER_WAY = ("STARTING", "RUNNING")

# Sends an event to those rules of the bus (empty: to all of them).
Resend = Callable[[str, Mapping[str, Json], frozenset[str]], None]


@dataclass(slots=True)
class Archive:
    """`events` are with the time at which they came, in that order. `retention_days` 0: for ever.
    `given` is as CreateArchive and UpdateArchive had it."""

    name: str
    arn: str
    bus_arn: str
    created_ms: int
    given: dict[str, Json]
    pattern: Pattern | None = None
    events: list[tuple[int, Mapping[str, Json]]] = field(default_factory=list)

    @property
    def retention_days(self) -> int:
        return int(self.given.get("RetentionDays") or 0)

    def keep(self, event: Mapping[str, Json], now_ms: int) -> None:
        if self.pattern is None or self.pattern.matches(event):
            self.events.append((now_ms, event))

    def kept(self, now_ms: int) -> list[Mapping[str, Json]]:
        """The events that have not expired."""
        if self.retention_days:
            since_ms = now_ms - self.retention_days * _DAY_MS
            self.events = [entry for entry in self.events if entry[0] >= since_ms]
        return [event for _, event in self.events]

    def size_bytes(self, now_ms: int) -> int:
        return sum(json_bytes(event) for event in self.kept(now_ms))


@dataclass(slots=True)
class Replay:
    """`params` are those of StartReplay; times are epoch milliseconds."""

    name: str
    arn: str
    params: Mapping[str, Json]
    started_ms: int
    state: str = "STARTING"
    last_ms: int | None = None
    ended_ms: int | None = None

    @property
    def under_way(self) -> bool:
        return self.state in _UNDER_WAY


class Archives:
    """All archives and replays, by name."""

    def __init__(self, aws: Aws, resend: Resend) -> None:
        self._aws = aws
        self._resend = resend
        self.archives: dict[str, Archive] = {}
        self.replays: dict[str, Replay] = {}

    def keep(self, bus_arn: str, event: Mapping[str, Json]) -> None:
        """AWS's managed rule leaves out what is replayed."""
        if "replay-name" in event:
            return
        for archive in self.archives.values():
            if archive.bus_arn == bus_arn:
                archive.keep(event, self._aws.now_ms)

    def of_bus(self, bus_arn: str) -> list[Archive]:
        return [archive for archive in self.archives.values() if archive.bus_arn == bus_arn]

    def start(self, replay: Replay, archive: Archive) -> None:
        """The archive's events between the replay's times are sent, from now on."""
        first_ms = epoch_ms(replay.params["EventStartTime"])
        last_ms = epoch_ms(replay.params["EventEndTime"])
        timed = ((epoch_ms(event["time"]), event) for event in archive.kept(self._aws.now_ms))
        chosen = sorted(
            ((at_ms, event) for at_ms, event in timed if first_ms <= at_ms <= last_ms),
            key=lambda entry: entry[0],
        )
        minutes = [list(one) for _, one in groupby(chosen, key=lambda one: one[0] // _MINUTE_MS)]
        self.replays[replay.name] = replay
        self._aws.at(
            self._aws.now_ms, lambda: self._send(replay, minutes), lambda: replay.under_way
        )

    def _send(self, replay: Replay, minutes: list[list[tuple[int, Mapping[str, Json]]]]) -> None:
        if not minutes:
            replay.state, replay.ended_ms = "COMPLETED", self._aws.now_ms
            return
        replay.state = "RUNNING"
        destination = replay.params["Destination"]
        rules = frozenset(destination.get("FilterArns") or ())
        for at_ms, event in minutes[0]:
            replay.last_ms = at_ms
            self._resend(destination["Arn"], {**event, "replay-name": replay.name}, rules)
        self._aws.at(
            self._aws.now_ms + _GROUP_MS,
            lambda: self._send(replay, minutes[1:]),
            lambda: replay.under_way,
        )

    def cancel(self, replay: Replay) -> None:
        if not replay.under_way:
            raise ApiError(
                "IllegalStatusException",
                f"Replay {replay.name} is not in a valid state for this operation.",
            )
        replay.state = "CANCELLING"

        def cancelled() -> None:
            replay.state, replay.ended_ms = "CANCELLED", self._aws.now_ms

        self._aws.at(self._aws.now_ms, cancelled)
