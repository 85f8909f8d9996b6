"""A schedule as it is defined: by the API's parameters, or by the same properties of a template.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-scheduler-schedule.html
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from sfnlocal.errors import ApiError, InputError, SfnLocalError
from sfnlocal.ports import Json
from sfnlocal.template.resources import Resource
from sfnlocal.triggers.delivery import RetryPolicy
from sfnlocal.triggers.schedule_expressions import Schedule, parse_schedule
from sfnlocal.triggers.schedule_parameters import check_schedule

DEFAULT_GROUP = "default"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a template may write as text.
_NUMBERS = ("MaximumWindowInMinutes", "MaximumRetryAttempts", "MaximumEventAgeInSeconds")
_JSON_TARGETS = ("lambda", "states", "events", "scheduler")


@dataclass(frozen=True, slots=True)
class ScheduleTarget:
    """`input` is None where AWS sends its notification; `parameters` are SqsParameters and such."""

    arn: str
    role_arn: str
    input: str | None
    retry: RetryPolicy
    dead_letter_arn: str | None
    parameters: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """`said` is what GetSchedule answers of it: what was given, and the defaults."""

    name: str
    group: str
    expression: str
    timezone: str
    schedule: Schedule
    enabled: bool
    start_ms: int | None
    end_ms: int | None
    window_minutes: int
    target: ScheduleTarget
    deleted_after_completion: bool
    said: Mapping[str, Json]

    def begun(self, now_ms: int) -> tuple[Schedule, int]:
        """The schedule as it goes on from now, and the time after which its first occurrence is: a
        rate begins at once, or at its start date, and counts from there."""
        if self.schedule.one_time:
            return self.schedule, now_ms
        if self.start_ms is None:
            schedule = self.schedule.counted_from(now_ms)
            return schedule, now_ms - 1 if schedule.is_rate else now_ms
        return self.schedule.counted_from(self.start_ms), max(self.start_ms - 1, now_ms)

    @property
    def until_ms(self) -> int | None:
        """AWS ignores the end date of what is due once."""
        return None if self.schedule.one_time else self.end_ms

    def occurrences(self, from_ms: int, until_ms: int) -> Iterator[int]:
        """From `from_ms` on and before `until_ms`, of a schedule that is made then."""
        schedule, after_ms = self.begun(from_ms)
        if after_ms == from_ms:
            after_ms -= 1
        last_ms = until_ms - 1 if self.until_ms is None else min(until_ms - 1, self.until_ms)
        return takewhile(lambda at_ms: at_ms <= last_ms, schedule.after(after_ms))

    def window_offset_ms(self, arn: str, at_ms: int, seed: int) -> int:
        """How long after its time an occurrence is delivered, in whole seconds."""
        if not self.window_minutes:
            return 0
        rng = random.Random(f"{seed}/{arn}/{at_ms}")
        return rng.randrange(self.window_minutes * 60) * 1000


def read_schedule(params: Mapping[str, Json]) -> ScheduleDefinition:
    """Raises ApiError, ValidationException; its cause is the InputError where there is one."""
    check_schedule(params)
    said = _with_defaults(params)
    start_ms, end_ms = epoch_ms(said.get("StartDate")), epoch_ms(said.get("EndDate"))
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise _refused("The EndDate must be after the StartDate.")
    for name, at_ms in (("StartDate", start_ms), ("EndDate", end_ms)):
        if at_ms is not None:
            said[name] = at_ms / 1000
    return ScheduleDefinition(
        name=said["Name"],
        group=said["GroupName"],
        expression=said["ScheduleExpression"],
        timezone=said["ScheduleExpressionTimezone"],
        schedule=_schedule(said["ScheduleExpression"], said["ScheduleExpressionTimezone"]),
        enabled=said["State"] == "ENABLED",
        start_ms=start_ms,
        end_ms=end_ms,
        window_minutes=_window_minutes(said["FlexibleTimeWindow"]),
        target=_target(said["Target"]),
        deleted_after_completion=said["ActionAfterCompletion"] == "DELETE",
        said=said,
    )


def template_schedule(resource: Resource) -> ScheduleDefinition:
    """An AWS::Scheduler::Schedule. InputError for what AWS would refuse."""
    properties = {name: _with_numbers(value) for name, value in resource.properties.items()}
    try:
        return read_schedule({**properties, "Name": resource.name})
    except ApiError as error:
        cause = error.__cause__
        if isinstance(cause, SfnLocalError):
            message = f"{error.message} {cause.message[0].upper()}{cause.message[1:]}"
            raise InputError(message, where=resource.where, hint=cause.hint) from None
        raise InputError(error.message, where=resource.where) from None


def _with_numbers(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {
        name: int(item)
        if name in _NUMBERS and isinstance(item, str) and item.isdecimal()
        else _with_numbers(item)
        for name, item in value.items()
    }


def _with_defaults(params: Mapping[str, Json]) -> dict[str, Any]:
    given = {name: value for name, value in params.items() if value is not None}
    given.pop("ClientToken", None)
    target = given["Target"]
    retry = {
        "MaximumEventAgeInSeconds": 86_400,
        "MaximumRetryAttempts": 185,
        **(target.get("RetryPolicy") or {}),
    }
    return {
        "GroupName": DEFAULT_GROUP,
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        **given,
        "Target": {**target, "RetryPolicy": retry},
    }


def _schedule(expression: str, timezone: str) -> Schedule:
    try:
        return parse_schedule(expression, timezone)
    except InputError as error:
        raise _refused(f"Invalid Schedule Expression {expression}.") from error


def _window_minutes(window: Mapping[str, Json]) -> int:
    minutes = window.get("MaximumWindowInMinutes")
    if window["Mode"] == "OFF":
        if minutes is not None:
            raise _refused("MaximumWindowInMinutes is only valid in the mode FLEXIBLE.")
        return 0
    if minutes is None:
        raise _refused("The mode FLEXIBLE needs MaximumWindowInMinutes.")
    return int(minutes)


def _target(target: Mapping[str, Any]) -> ScheduleTarget:
    arn: str = target["Arn"]
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        raise _refused(f"Provided Arn is not in correct format: {arn}")
    service, text = parts[2], target.get("Input")
    if text is not None and service in _JSON_TARGETS and not _is_json(text):
        raise _refused("Invalid Input: it must be well-formed JSON for this target.")
    if service == "events" and "EventBridgeParameters" not in target:
        raise _refused("EventBridgeParameters are required for an event bus as the target.")
    if service == "sqs" and arn.endswith(".fifo") and not target.get("SqsParameters"):
        raise _refused("SqsParameters with a MessageGroupId are required for a FIFO queue.")
    retry = target["RetryPolicy"]
    return ScheduleTarget(
        arn=arn,
        role_arn=target["RoleArn"],
        input=text,
        retry=RetryPolicy(retry["MaximumRetryAttempts"], retry["MaximumEventAgeInSeconds"] * 1000),
        dead_letter_arn=(target.get("DeadLetterConfig") or {}).get("Arn"),
        parameters={name: value for name, value in target.items() if name.endswith("Parameters")},
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def epoch_ms(moment: str | float | datetime | None) -> int | None:
    """Of a time as a client gives it (a datetime, or seconds) or a template (ISO 8601)."""
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise _refused(f"{moment} is no ISO 8601 time.") from None
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    return round(moment * 1000)


def _refused(message: str) -> ApiError:
    return ApiError("ValidationException", message)
