"""When an app's schedules are due, as data: what `sfnlocal schedule` shows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sfnlocal.errors import InputError
from sfnlocal.template import App, Resource, names_by_arn, short_ids
from sfnlocal.timestamps import instant
from sfnlocal.triggers.schedule_definition import template_schedule
from sfnlocal.triggers.schedule_expressions import (
    Schedule,
    parse_rule_schedule,
    parse_schedule,
    time_zone,
)

_SCHEDULE = "AWS::Scheduler::Schedule"
_RULE = "AWS::Events::Rule"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`utc` ends in Z, `local` has the offset of `zone`. It is delivered within `window_minutes`
    from then."""

    utc: str
    local: str
    zone: str
    schedule: str
    target: str
    window_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """`times` are epoch milliseconds, in order. `disabled`: it starts nothing."""

    schedule: str
    target: str
    zone: str
    times: Iterator[int]
    window_minutes: int = 0
    disabled: bool = False


def plans(app: App, from_ms: int, until_ms: int) -> list[Planned]:
    """The schedules of an app, and its rules on a schedule, in the order of the template; as if
    they were made at `from_ms`, from which their rates count."""
    resources = [one for one in app.of_type(_SCHEDULE, _RULE) if _expression(one)]
    ids, names = short_ids(resources), names_by_arn(app)
    return [
        _READERS[resource.type](resource, ids[resource.where], names, from_ms, until_ms)
        for resource in resources
    ]


def _expression(resource: Resource) -> str | None:
    expression: str | None = resource.properties.get("ScheduleExpression")
    return expression


def _of_schedule(
    resource: Resource, short_id: str, names: Mapping[str, str], from_ms: int, until_ms: int
) -> Planned:
    definition = template_schedule(resource)
    return Planned(
        short_id,
        names.get(definition.target.arn, definition.target.arn),
        definition.timezone,
        definition.occurrences(from_ms, until_ms),
        definition.window_minutes,
        not definition.enabled,
    )


def _of_rule(
    resource: Resource, short_id: str, names: Mapping[str, str], from_ms: int, until_ms: int
) -> Planned:
    expression = _expression(resource)
    assert expression is not None
    try:
        schedule = parse_rule_schedule(expression)
    except InputError as error:
        message = f"Parameter ScheduleExpression is not valid: {error.message}"
        raise InputError(message, where=resource.where, hint=error.hint) from None
    targets: list[dict[str, Any]] = resource.properties.get("Targets", [])
    arns = [target.get("Arn", "") for target in targets]
    return Planned(
        short_id,
        ", ".join(names.get(arn, arn) for arn in arns),
        "UTC",
        # A rule's rate is not due when it is made.
        schedule.counted_from(from_ms).occurrences(from_ms + schedule.is_rate, until_ms),
        disabled=resource.properties.get("State") == "DISABLED",
    )


_READERS = {_SCHEDULE: _of_schedule, _RULE: _of_rule}


def expression_plan(expression: str, zone: str, from_ms: int, until_ms: int) -> Planned:
    """One expression, of no app."""
    schedule: Schedule = parse_schedule(expression, zone).counted_from(from_ms)
    return Planned(expression, "", zone, schedule.occurrences(from_ms, until_ms))


def occurrences(planned: list[Planned]) -> Iterator[Occurrence]:
    """Those of all that are not disabled, in the order of time."""
    enabled = [plan for plan in planned if not plan.disabled]
    zones = [time_zone(plan.zone) for plan in enabled]

    def numbered(number: int, plan: Planned) -> Iterator[tuple[int, int]]:
        return ((at_ms, number) for at_ms in plan.times)

    for at_ms, number in heapq.merge(*(numbered(*entry) for entry in enumerate(enabled))):
        plan = enabled[number]
        yield Occurrence(
            instant(at_ms),
            _local(at_ms, zones[number]),
            plan.zone,
            plan.schedule,
            plan.target,
            plan.window_minutes,
        )


def _local(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).isoformat()
