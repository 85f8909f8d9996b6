"""What a rule says: which events or times it waits for, and what it starts. Templates and the API
write the same words, so one reader serves both.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfnlocal.arns import Arn, parse_arn
from sfnlocal.errors import ApiError, InputError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.triggers.delivery import RetryPolicy
from sfnlocal.triggers.event_paths import MISSING, EventPath, event_path
from sfnlocal.triggers.input_transformer import InputTransformer, Occasion, input_transformer
from sfnlocal.triggers.patterns import Pattern, compile_pattern
from sfnlocal.triggers.schedule_expressions import Schedule, parse_rule_schedule

_STATES = ("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
_INPUT_CHARS_MAX = 8_192
_NAME = re.compile(r"[.\-_A-Za-z0-9]{1,64}")
_RETRY_ATTEMPTS_MAX = 185
_EVENT_AGE_SECONDS_MIN, _EVENT_AGE_SECONDS_MAX = 60, 86_400


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """`given` is the target as it was written. Of `input`, `input_path` and `transformer` at most
    one is set; without them the target gets the event."""

    id: str
    arn: str
    given: Mapping[str, Json]
    role_arn: str | None = None
    input: str | None = None
    input_path: EventPath | None = None
    transformer: InputTransformer | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    dead_letter_arn: str | None = None

    def input_text(self, event: Json, occasion: Occasion) -> str:
        if self.input is not None:
            return self.input
        if self.transformer is not None:
            return self.transformer(event, occasion)
        if self.input_path is None:
            return json_text(event)
        found = self.input_path(event)
        return json_text(None if found is MISSING else found)


@dataclass(frozen=True, slots=True)
class Rule:
    """`event_pattern` and `schedule_expression` are as they were written, None where there is
    none. `targets` are by id."""

    name: str
    arn: str
    bus_name: str
    event_pattern: str | None = None
    pattern: Pattern | None = None
    schedule_expression: str | None = None
    schedule: Schedule | None = None
    state: str = "ENABLED"
    description: str | None = None
    role_arn: str | None = None
    targets: Mapping[str, RuleTarget] = field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        return self.state != "DISABLED"


def rule_arn(bus_arn: str, rule_name: str) -> str:
    arn = parse_arn(bus_arn)
    bus_name = arn.resource.removeprefix("event-bus/")
    path = rule_name if bus_name == "default" else f"{bus_name}/{rule_name}"
    return str(arn._replace(resource=f"rule/{path}"))


def read_rule(name: str, bus_name: str, bus_arn: str, given: Mapping[str, Json]) -> Rule:
    """A rule from PutRule's parameters or a template's properties, without targets. ApiError."""
    _check_name(name, "name")
    state = given.get("State", "ENABLED")
    if state not in _STATES:
        raise _invalid(f"State is {state!r}, and must be one of {', '.join(_STATES)}")
    # Recorded: an empty one is none.
    pattern = given.get("EventPattern") or None
    expression = given.get("ScheduleExpression") or None
    if pattern is None and expression is None:
        raise _invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if expression is not None and bus_name != "default":
        raise _invalid("ScheduleExpression is supported only on the default event bus.")
    return Rule(
        name=name,
        arn=rule_arn(bus_arn, name),
        bus_name=bus_name,
        event_pattern=pattern if pattern is None or isinstance(pattern, str) else _text(pattern),
        pattern=None if pattern is None else compile_pattern(pattern),
        schedule_expression=expression,
        schedule=None if expression is None else _schedule(expression),
        state=state,
        description=given.get("Description"),
        role_arn=given.get("RoleArn"),
    )


def _schedule(expression: str) -> Schedule:
    try:
        return parse_rule_schedule(expression)
    except InputError as error:
        why = f"{error.message}; {error.hint}" if error.hint else error.message
        raise _invalid(f"Parameter ScheduleExpression is not valid. {why}") from None


def read_target(given: Mapping[str, Json]) -> RuleTarget:
    """A target from PutTargets' parameters or a template's properties. ApiError."""
    _check_name(given["Id"], "target id")
    _arn(given["Arn"], "Arn")
    if sum(given.get(name) is not None for name in ("Input", "InputPath", "InputTransformer")) > 1:
        raise _invalid(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target "
            f"{given['Id']}."
        )
    dead_letter_arn = (given.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letter_arn is not None and _arn(dead_letter_arn, "DeadLetterConfig").service != "sqs":
        raise _invalid(f"The dead-letter queue {dead_letter_arn} is no SQS queue.")
    if dead_letter_arn is not None and dead_letter_arn.endswith(".fifo"):
        raise _invalid(f"The dead-letter queue {dead_letter_arn} must be a standard queue.")
    return RuleTarget(
        id=given["Id"],
        arn=given["Arn"],
        given=given,
        role_arn=given.get("RoleArn"),
        input=_input(given),
        input_path=_input_path(given),
        transformer=_transformer(given),
        retry=_retry(given.get("RetryPolicy") or {}),
        dead_letter_arn=dead_letter_arn,
    )


def _input(given: Mapping[str, Json]) -> str | None:
    text: str | None = given.get("Input")
    if text is None:
        return None
    if len(text) > _INPUT_CHARS_MAX:
        raise _invalid(
            f"Input of target {given['Id']} is {len(text)} characters long, of "
            f"{_INPUT_CHARS_MAX} at most."
        )
    try:
        json.loads(text)
    except ValueError:
        raise _invalid(f"JSON syntax error in input for target {given['Id']}.") from None
    return text


def _input_path(given: Mapping[str, Json]) -> EventPath | None:
    path = given.get("InputPath")
    if path is None:
        return None
    try:
        return event_path(path)
    except ValueError as error:
        raise _invalid(f"Invalid InputPath for target {given['Id']}: {error}.") from None


def _transformer(given: Mapping[str, Json]) -> InputTransformer | None:
    words = given.get("InputTransformer")
    if words is None:
        return None
    try:
        return input_transformer(words.get("InputPathsMap") or {}, words["InputTemplate"])
    except ValueError as error:
        raise _invalid(f"Invalid InputTransformer for target {given['Id']}: {error}.") from None


def _retry(given: Mapping[str, Json]) -> RetryPolicy:
    attempts = int(given.get("MaximumRetryAttempts", _RETRY_ATTEMPTS_MAX))
    seconds = int(given.get("MaximumEventAgeInSeconds", _EVENT_AGE_SECONDS_MAX))
    if not 0 <= attempts <= _RETRY_ATTEMPTS_MAX:
        raise _invalid(f"MaximumRetryAttempts is {attempts}, of 0 to {_RETRY_ATTEMPTS_MAX}")
    if not _EVENT_AGE_SECONDS_MIN <= seconds <= _EVENT_AGE_SECONDS_MAX:
        raise _invalid(
            f"MaximumEventAgeInSeconds is {seconds}, of {_EVENT_AGE_SECONDS_MIN} to "
            f"{_EVENT_AGE_SECONDS_MAX}"
        )
    return RetryPolicy(attempts, seconds * 1000)


def _arn(text: Json, field_name: str) -> Arn:
    try:
        return parse_arn(text)
    except (ValueError, AttributeError):
        raise _invalid(f"Parameter {text} is not valid. Reason: {field_name} is no ARN.") from None


def _check_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise _invalid(
            f"Value '{name}' at '{what}' failed to satisfy constraint: Member must satisfy "
            f"regular expression pattern: [\\.\\-_A-Za-z0-9]+ and have 1 to 64 characters"
        )


def _text(pattern: Json) -> str:
    return json.dumps(pattern, separators=(",", ":"), ensure_ascii=False)


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)
