"""What EventBridge Scheduler minds about the parameters of a schedule before it looks closer.

The constraints are those of the API reference; they are written down here since reading botocore's
model would make every start slower.
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json

_NAME = "[0-9a-zA-Z-_.]+"
_ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@\/-]+"
# A dead-letter queue is no FIFO queue: their names have a dot.
_QUEUE = r"arn:aws[a-z-]*:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+"
_TYPES = {str: "string", int: "integer", dict: "structure"}


@dataclass(frozen=True, slots=True)
class Constraint:
    """`least` and `most` are of a number, or of a text's length."""

    least: int | None = None
    most: int | None = None
    pattern: str | None = None
    allowed: tuple[str, ...] = ()
    required: bool = False
    kind: type = str

    def broken(self, value: Any) -> Iterator[str]:
        if value is None:
            if self.required:
                yield "Member must not be null"
            return
        if not self._fits(value):
            yield f"Member must be of type {_TYPES[self.kind]}"
            return
        if self.pattern is not None and re.fullmatch(self.pattern, value) is None:
            yield f"Member must satisfy regular expression pattern: {self.pattern}"
        if self.allowed and value not in self.allowed:
            yield f"Member must satisfy enum value set: [{', '.join(self.allowed)}]"
        measure, size = ("length", len(value)) if self.kind is str else ("value", value)
        if self.least is not None and size < self.least:
            yield f"Member must have {measure} greater than or equal to {self.least}"
        if self.most is not None and size > self.most:
            yield f"Member must have {measure} less than or equal to {self.most}"

    def _fits(self, value: Json) -> bool:
        return isinstance(value, self.kind) and not isinstance(value, bool)


NAME = Constraint(1, 64, _NAME, required=True)
_TAG = {"Key": Constraint(1, 128, required=True), "Value": Constraint(1, 256, required=True)}

_SCHEDULE: Mapping[str, Constraint] = {
    "Name": NAME,
    "GroupName": Constraint(1, 64, _NAME),
    "ClientToken": Constraint(1, 64, "[a-zA-Z0-9-_]+"),
    "Description": Constraint(0, 512),
    "ScheduleExpression": Constraint(1, 256, required=True),
    "ScheduleExpressionTimezone": Constraint(1, 50),
    "State": Constraint(allowed=("ENABLED", "DISABLED")),
    "ActionAfterCompletion": Constraint(allowed=("NONE", "DELETE")),
    "FlexibleTimeWindow": Constraint(required=True, kind=dict),
    "Target": Constraint(required=True, kind=dict),
}
# Of members of these, where they are given.
_NESTED: Mapping[tuple[str, ...], Mapping[str, Constraint]] = {
    ("FlexibleTimeWindow",): {
        "Mode": Constraint(allowed=("OFF", "FLEXIBLE"), required=True),
        "MaximumWindowInMinutes": Constraint(1, 1440, kind=int),
    },
    ("Target",): {
        "Arn": Constraint(1, 1600, required=True),
        "RoleArn": Constraint(1, 1600, _ROLE, required=True),
        "Input": Constraint(1),
    },
    ("Target", "RetryPolicy"): {
        "MaximumRetryAttempts": Constraint(0, 185, kind=int),
        "MaximumEventAgeInSeconds": Constraint(60, 86_400, kind=int),
    },
    ("Target", "DeadLetterConfig"): {"Arn": Constraint(1, 1600, _QUEUE)},
    ("Target", "SqsParameters"): {"MessageGroupId": Constraint(1, 128)},
    ("Target", "EventBridgeParameters"): {
        "DetailType": Constraint(1, 128, required=True),
        "Source": Constraint(1, 256, r"(?!aws\.)[/\.\-_A-Za-z0-9]+|\$\..*", required=True),
    },
}


def check_schedule(params: Mapping[str, Json]) -> None:
    """Raises ApiError, ValidationException, that says everything that is wrong."""
    found = list(_problems(_SCHEDULE, params, ()))
    for path, constraints in _NESTED.items():
        value: Json = params
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, dict):
            found += _problems(constraints, value, path)
    refuse(found)


def check_name(value: Json, member: str = "name") -> None:
    refuse([_problem(value, member, broken) for broken in NAME.broken(value)])


def refuse(found: list[str]) -> None:
    if found:
        errors = "error" if len(found) == 1 else "errors"
        message = f"{len(found)} validation {errors} detected: {'; '.join(found)}"
        raise ApiError("ValidationException", message)


def _problems(
    constraints: Mapping[str, Constraint], values: Mapping[str, Json], path: tuple[str, ...]
) -> Iterator[str]:
    for name, constraint in constraints.items():
        value = values.get(name)
        where = ".".join(part[0].lower() + part[1:] for part in (*path, name))
        for broken in constraint.broken(value):
            yield _problem(value, where, broken)


def _problem(value: Json, where: str, broken: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{where}' failed to satisfy constraint: {broken}"


def check_tags(tags: list[Json]) -> dict[str, str]:
    """The values by key."""
    found = [
        _problem(tag.get(name), f"tags.{i}.member.{name.lower()}", broken)
        for i, tag in enumerate(tags, 1)
        for name, constraint in _TAG.items()
        for broken in constraint.broken(tag.get(name))
    ]
    refuse(found)
    return {tag["Key"]: tag["Value"] for tag in tags}
