"""The event history as lines: what the console's event view shows."""

from __future__ import annotations

from typing import Any

from sfnlocal.history import api_events
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.reports.wording import cut, duration

_DETAILS_CHARS = 100


def render_events(execution: Execution) -> str:
    """One line an event: its id, the id it follows, the time since the start, type, details."""
    rows = [
        (
            str(event["id"]),
            f"<- {event['previousEventId']}",
            duration(event["timestamp"] - execution.start_ms),
            event["type"],
            _details(event),
        )
        for event in api_events(execution.history)
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"  {event_id.rjust(widths[0])}  {previous.ljust(widths[1])}  {after.rjust(widths[2])}  "
        f"{kind.ljust(widths[3])}  {details}".rstrip()
        for event_id, previous, after, kind, details in rows
    )


def _details(event: dict[str, Any]) -> str:
    found: dict[str, Any] = next(
        (value for key, value in event.items() if key.endswith("EventDetails")), {}
    )
    shown = {key: value for key, value in found.items() if not key.endswith("Details")}
    return cut(" ".join(f"{key}={_text(value)}" for key, value in shown.items()), _DETAILS_CHARS)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)
