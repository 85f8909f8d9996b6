"""The event history: as a table to read, and as the AWS CLI prints it, to be compared.

https://docs.aws.amazon.com/cli/latest/reference/stepfunctions/get-execution-history.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sfnlocal.history import api_events
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.reports.wording import cut, duration, failure

_HEADER = ("id", "follows", "after", "type", "of", "details")
_DETAILS_CHARS = 90
_SUBJECT_CHARS = 40
# Fields that the subject tells, or that say little.
_NOT_SHOWN = frozenset(
    {"name", "state", "index", "resource", "resourceType", "region", "roleArn", "error", "cause"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def render_events(execution: Execution) -> str:
    """One line an event: its id, the id it follows where that is not the one before it, the time
    since the start, its type, the state or resource, and a part of its payload."""
    rows = [_HEADER]
    for event in api_events(execution.history):
        follows = event["previousEventId"]
        details = _details(event)
        rows.append(
            (
                str(event["id"]),
                "" if follows == event["id"] - 1 else str(follows),
                duration(event["timestamp"] - execution.start_ms),
                event["type"],
                cut(_subject(details), _SUBJECT_CHARS),
                cut(" ".join(_shown(details)), _DETAILS_CHARS),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    """The numbers and the time on the right of their columns."""
    cells = [
        cell.rjust(width) if column < 3 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"  {'  '.join(cells)}".rstrip()


def _details(event: dict[str, Any]) -> dict[str, Any]:
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})


def _subject(details: dict[str, Any]) -> str:
    """`lambda:invoke`, a state's name, or one of a Map state's iterations."""
    if "resourceType" in details:
        return f"{details['resourceType']}:{details['resource']}"
    if "index" in details:
        return f"{details['name']} #{details['index']}"
    name = details.get("name") or details.get("state") or details.get("resource") or ""
    return str(name).rpartition(":")[2]


def _shown(details: dict[str, Any]) -> Iterator[str]:
    if "error" in details or "cause" in details:
        yield failure(details.get("error"), details.get("cause"))
    for key, value in details.items():
        if key not in _NOT_SHOWN and not key.endswith("Details"):
            yield f"{key} {value if isinstance(value, str) else json_text(value)}"


def cli_events(execution: Execution) -> list[dict[str, Any]]:
    """The history as `aws stepfunctions get-execution-history` has it under `events`, fields in
    the same order; times in UTC."""
    return [
        {
            "timestamp": (_EPOCH + timedelta(milliseconds=event.pop("timestamp"))).isoformat(),
            "type": event.pop("type"),
            **event,
        }
        for event in api_events(execution.history)
    ]
