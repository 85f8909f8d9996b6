"""When a task is due, and whether its request can be met: from now on and for a year, at a time
that the clocks of its zone show.

A time that the clock skips is refused; one that it shows twice is the first (PEP 495's `fold`), so
say an offset for the second.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lambdas.timed_tasks.errors import RequestRefused
from lambdas.timed_tasks.payloads import CANCEL, LIST, SCHEDULE, START, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Of a schedule's name; an execution's may have 80.
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
# The task's item has it twice, and a state has to hold that as text, in which a byte can take two.
INPUT_BYTES_MAX = 60_000
# As long as an execution may wait.
DELAY_MAX = timedelta(days=365)

# By action: each field, whether it has to be there, and what it is.
FIELDS: Mapping[str, Mapping[str, tuple[bool, type, str]]] = {
    SCHEDULE: {
        "taskId": (True, str, "a text"),
        "workflow": (True, str, "a text"),
        "input": (False, object, "anything"),
        "at": (False, str, "a text"),
        "timeZone": (False, str, "a text"),
        "afterSeconds": (False, int, "a whole number"),
    },
    START: {"taskId": (True, str, "a text")},
    CANCEL: {"taskId": (True, str, "a text")},
    LIST: {"until": (False, str, "a text")},
}


def check_request(request: object, now: datetime, workflows: Sequence[str]) -> Plan:
    """What is asked for; RequestRefused names the field."""
    if not isinstance(request, dict):
        raise RequestRefused("the request must be an object")
    action = str(request.get("action"))
    if action not in FIELDS:
        raise RequestRefused(f"action: there is no {action}; there are {', '.join(FIELDS)}")
    _check_fields(request, FIELDS[action])
    plan = Plan(
        action=action,
        taskId=request.get("taskId", ""),
        workflow="",
        input={},
        dueAt="",
        until=_in_utc(_moment("until", request["until"])) if "until" in request else "",
    )
    if action != LIST and not TASK_ID.match(plan["taskId"]):
        raise RequestRefused("taskId must have 1 to 64 of A-Z, a-z, 0-9, - and _")
    if action == SCHEDULE:
        plan["workflow"] = _known(request["workflow"], workflows)
        plan["input"] = _small(request.get("input", {}))
        plan["dueAt"] = _in_utc(due_at(request, now))
    return plan


def due_at(request: Mapping[str, Any], now: datetime) -> datetime:
    """The moment at which a task is due."""
    if ("at" in request) == ("afterSeconds" in request):
        raise RequestRefused("either at or afterSeconds is needed")
    if "afterSeconds" in request:
        if "timeZone" in request:
            raise RequestRefused("timeZone belongs to at")
        seconds = request["afterSeconds"]
        if not 1 <= seconds <= DELAY_MAX.total_seconds():
            raise RequestRefused(f"afterSeconds must be from 1 to {DELAY_MAX.days} days")
        return now + timedelta(seconds=seconds)
    moment = _moment("at", request["at"], request.get("timeZone"))
    if moment < now:
        raise RequestRefused(f"at: {request['at']} is {_in_utc(moment)}, which is over")
    if moment > now + DELAY_MAX:
        raise RequestRefused(f"at: {request['at']} is more than {DELAY_MAX.days} days ahead")
    return moment


def _moment(field: str, text: str, zone_name: str | None = None) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestRefused(f"{field}: {text} is no time like 2026-01-31T08:00:00") from error
    if told.tzinfo is not None:
        if zone_name is not None:
            raise RequestRefused(f"{field}: {text} has an offset, so timeZone says too much")
        return told
    zone = _zone(zone_name or "UTC")
    moment = told.replace(tzinfo=zone)
    # There and back: a time that is skipped comes back as another.
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != told:
        raise RequestRefused(f"{field}: the clocks of {zone.key} skip {text}")
    return moment


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RequestRefused(f"timeZone: there is no {name}; one is Europe/Berlin") from error


def _known(workflow: str, workflows: Sequence[str]) -> str:
    if workflow not in workflows:
        raise RequestRefused(
            f"workflow: there is no {workflow}; there are {', '.join(sorted(workflows))}"
        )
    return workflow


def _small(given: object) -> object:
    size = len(json.dumps(json.dumps(given)))
    if size > INPUT_BYTES_MAX:
        raise RequestRefused(
            f"input has {size} bytes as JSON text, and may have {INPUT_BYTES_MAX}: "
            "put it into a bucket, and give its key"
        )
    return given


def _check_fields(
    request: Mapping[str, object], fields: Mapping[str, tuple[bool, type, str]]
) -> None:
    # Added by Step Functions' console and by whoever starts an execution from another.
    known = {"action", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", *fields}
    for name in request:
        if name not in known:
            raise RequestRefused(f"{name} is no field of {request['action']}")
    for name, (required, kind, told) in fields.items():
        value = request.get(name)
        if name not in request:
            if required:
                raise RequestRefused(f"{name} is missing")
        elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RequestRefused(f"{name} must be {told}")


def _in_utc(moment: datetime) -> str:
    """As JSONata's $now() writes it, so that texts are in the order of their times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
