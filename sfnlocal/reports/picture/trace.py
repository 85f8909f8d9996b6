"""What one execution did, as far as a picture of its state machine shows it.

Read from an execution's path as `execution_data` gives it, so that it may come from a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sfnlocal.errors import InputError


@dataclass(slots=True)
class Trace:
    """By state: its last outcome, and how often it was tried over all visits. `steps` are the
    pairs of states that followed each other, and whether an error led from one to the other.
    `titles` are shown over states, `about` tells it all in words."""

    status: str
    outcomes: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    steps: set[tuple[str, str, bool]] = field(default_factory=set)
    titles: dict[str, str] = field(default_factory=dict)
    about: str = ""


def trace_of(data: dict[str, Any], where: str = "") -> Trace:
    """Of an execution as `execution_data` describes it. Raises InputError where it is none."""
    try:
        trace = Trace(data["status"])
        _follow(data["path"], trace)
    except (KeyError, TypeError, AttributeError):
        raise InputError(
            "this is no execution",
            where=where,
            hint="write one with: sfnlocal run STATE_MACHINE --format json > FILE",
        ) from None
    return trace


def _follow(path: list[dict[str, Any]], trace: Trace) -> None:
    before: dict[str, Any] | None = None
    for visit in path:
        state = visit["state"]
        trace.outcomes[state] = visit["outcome"]
        trace.attempts[state] = trace.attempts.get(state, 0) + max(1, len(visit["attempts"]))
        if before is not None:
            trace.steps.add((before["state"], state, before["outcome"] == "caught"))
        for inner in _inner_paths(visit):
            _follow(inner, trace)
        before = visit


def _inner_paths(visit: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    for attempt in visit["attempts"]:
        for branch in attempt.get("branches", ()):
            yield branch["path"]
