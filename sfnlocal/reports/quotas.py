"""How near an execution came to AWS's quotas: sizes are counted from the values in its history.

Of what happened several times in a state, the largest is told. Nothing is counted while executions
run. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sfnlocal.history import api_events
from sfnlocal.interpreter import Execution
from sfnlocal.limits import (
    ASSIGN_BYTES_MAX,
    CAUSE_CHARS_MAX,
    EXPRESS_HISTORY_EVENTS_MAX,
    PAYLOAD_BYTES_MAX,
    VARIABLES_BYTES_MAX,
)

_ENTERED, _EXITED = "StateEntered", "StateExited"


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """`what` was used, `used` of `limit` `unit`s, at the event `event_id`. `state` is empty where
    it is the execution's own."""

    what: str
    state: str
    event_id: int
    used: int
    limit: int
    unit: str

    @property
    def share(self) -> float:
        return self.used / self.limit


def quota_uses(execution: Execution, share_min: float) -> list[QuotaUse]:
    """Those of at least `share_min` of their quota, the largest share first."""
    largest: dict[tuple[str, str], QuotaUse] = {}
    for use in _uses(execution):
        known = largest.get((use.what, use.state))
        if use.share >= share_min and (known is None or use.used > known.used):
            largest[use.what, use.state] = use
    return sorted(largest.values(), key=lambda use: -use.share)


def _uses(execution: Execution) -> Iterator[QuotaUse]:
    states: dict[int, str] = {0: ""}
    variables: dict[str, int] = {}
    for event in api_events(execution.history):
        event_id, details = event["id"], _details(event)
        entered_or_left = event["type"].endswith((_ENTERED, _EXITED))
        state = details["name"] if entered_or_left else states.get(event["previousEventId"], "")
        states[event_id] = state
        for what, text in _payloads(event["type"], details):
            yield QuotaUse(what, state, event_id, _bytes(text), PAYLOAD_BYTES_MAX, "byte")
        if details.get("cause"):
            used = len(details["cause"])
            yield QuotaUse("cause", state, event_id, used, CAUSE_CHARS_MAX, "character")
        assigned = details.get("assignedVariables")
        if assigned:
            sizes = {name: _bytes(text) for name, text in assigned.items()}
            variables |= sizes
            used = sum(sizes.values())
            yield QuotaUse("Assign", state, event_id, used, ASSIGN_BYTES_MAX, "byte")
            used = sum(variables.values())
            yield QuotaUse("all variables", "", event_id, used, VARIABLES_BYTES_MAX, "byte")
    events_max = execution.machine.history_events_max
    if events_max != EXPRESS_HISTORY_EVENTS_MAX:
        used = len(execution.history)
        yield QuotaUse("history", "", used, used, events_max, "event")


def _payloads(event_type: str, details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of payloads as a state has them, and their texts."""
    inner = not event_type.endswith((_ENTERED, _EXITED)) and not event_type.startswith("Execution")
    for name, inner_name in (("input", "arguments"), ("output", "result")):
        if name in details:
            yield inner_name if inner else name, details[name]
    if "parameters" in details:
        yield "arguments", details["parameters"]


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def render_quota_uses(uses: list[tuple[Execution, QuotaUse]], share_min: float) -> str:
    """A line for each, under a title."""
    title = f"at {share_min * 100:g}% of an AWS quota or more"
    if not uses:
        return f"{title}: nothing"
    lines = [title]
    for execution, use in uses:
        where = f" of state '{use.state}'" if use.state else ""
        lines.append(
            f"  {use.share:>4.0%}  {use.what}{where}: {use.used:,} of {use.limit:,} {use.unit}s, "
            f"event {use.event_id} of {execution.state_machine_name}/{execution.name}"
        )
    return "\n".join(lines)


def quota_use_data(execution: Execution, use: QuotaUse) -> dict[str, Any]:
    """For JSON reports."""
    data: dict[str, Any] = {
        "executionArn": execution.arn,
        "what": use.what,
        "used": use.used,
        "limit": use.limit,
        "unit": use.unit,
        "share": round(use.share, 4),
        "eventId": use.event_id,
    }
    return data | ({"state": use.state} if use.state else {})
