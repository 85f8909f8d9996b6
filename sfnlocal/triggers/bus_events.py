"""Events as buses carry them, and what PutEvents minds about an entry.

https://docs.aws.amazon.com/eventbridge/latest/userguide/aws-events.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime

from sfnlocal.errors import ApiError
from sfnlocal.limits import PUT_EVENTS_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.template.resources import App
from sfnlocal.timestamps import iso_time

_TIME_BYTES = 14
_REQUIRED = ("Source", "DetailType", "Detail")


class EventMaker:
    """Makes events of this account and region; their ids are drawn from the seed."""

    def __init__(self, app: App, seed: int) -> None:
        self._app = app
        self._rng = random.Random(f"{seed}/events")

    def event(
        self, source: str, detail_type: str, detail: Json, resources: list[str], time_ms: int
    ) -> dict[str, Json]:
        return {
            "version": "0",
            "id": self.new_id(),
            "detail-type": detail_type,
            "source": source,
            "account": self._app.account,
            # To the second.
            "time": iso_time(time_ms)[:19] + "Z",
            "region": self._app.region,
            "resources": resources,
            "detail": detail,
        }

    def new_id(self) -> str:
        bits = f"{self._rng.getrandbits(128):032x}"
        return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))

    def from_entry(self, entry: Mapping[str, Json], now_ms: int) -> dict[str, Json]:
        """An event of PutEvents; ApiError is the entry's, not the call's."""
        for name in _REQUIRED:
            if not entry.get(name):
                raise ApiError(
                    "InvalidArgument",
                    f"Parameter {name} is not valid. Reason: {name} is a required argument.",
                )
        if entry["Source"].startswith("aws."):
            raise ApiError("NotAuthorizedForSource", "Not authorized for the source.")
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            raise ApiError("MalformedDetail", "Detail is malformed.")
        time = entry.get("Time")
        time_ms = now_ms if time is None else epoch_ms(time)
        resources = list(entry.get("Resources") or [])
        return self.event(entry["Source"], entry["DetailType"], detail, resources, time_ms)


def check_entries(entries: list[dict[str, Json]]) -> None:
    """What PutEvents refuses as a whole. ApiError."""
    if sum(_entry_bytes(entry) for entry in entries) >= PUT_EVENTS_BYTES_MAX:
        raise ApiError(
            "ValidationException", "Total size of the entries in the request is over the limit."
        )


def _entry_bytes(entry: Mapping[str, Json]) -> int:
    texts = [entry.get(name) or "" for name in _REQUIRED] + list(entry.get("Resources") or [])
    text_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return text_bytes + (_TIME_BYTES if entry.get("Time") is not None else 0)


def epoch_ms(time: Json) -> int:
    """A timestamp as clients give it: a datetime, epoch seconds, or ISO 8601."""
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    seconds: float = time
    return round(seconds * 1000)
