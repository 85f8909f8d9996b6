"""The states that call nothing: Pass, Succeed, Fail, Wait, Choice."""

from __future__ import annotations

from collections.abc import Callable

from sfnlocal.errors import StateError
from sfnlocal.language.choice import compile_rule
from sfnlocal.language.fields import Fields
from sfnlocal.language.jsonpath import PathMissing
from sfnlocal.language.parse_state import read_assign, read_common
from sfnlocal.language.paths import RUNTIME, PathField, constant
from sfnlocal.language.program import (
    ChoiceRule,
    ChoiceState,
    Evaluator,
    FailState,
    PassState,
    Scope,
    SucceedState,
    WaitState,
)
from sfnlocal.language.quantities import read_text
from sfnlocal.language.query import QUERY_EVALUATION_ERROR
from sfnlocal.language.timestamps import parse_timestamp
from sfnlocal.language.wording import bare_text, is_integer, is_number
from sfnlocal.limits import TASK_TIMEOUT_SECONDS_MAX
from sfnlocal.ports import Json

_NS_PER_MS = 1_000_000


def read_pass(fields: Fields, pointer: str) -> PassState:
    common = read_common(fields, "Pass")
    result = None
    if fields.language == "JSONPath" and "Result" in fields:
        result = constant(fields.take("Result"))
    return PassState(**common, pointer=pointer, result=result)


def read_succeed(fields: Fields, pointer: str) -> SucceedState:
    return SucceedState(**read_common(fields, "Succeed", transition=False), pointer=pointer)


def read_fail(fields: Fields, pointer: str) -> FailState:
    return FailState(
        **read_common(fields, "Fail", transition=False),
        pointer=pointer,
        error=read_text(fields, "Error", "ErrorPath"),
        cause=read_text(fields, "Cause", "CausePath"),
    )


def read_choice(fields: Fields, pointer: str) -> ChoiceState:
    fields.require("Choices")
    read = _jsonata_rule if fields.language == "JSONata" else _jsonpath_rule
    return ChoiceState(
        **read_common(fields, "Choice", transition=False),
        pointer=pointer,
        choices=tuple(
            _rule(fields.child(rule, "Choices", index), read)
            for index, rule in enumerate(fields.array("Choices") or [])
        ),
        default=fields.string("Default"),
    )


def _rule(rule: Fields, read_condition: Callable[[Fields], Evaluator]) -> ChoiceRule:
    rule.require("Next")
    rule.string("Comment")
    choice = ChoiceRule(
        condition=read_condition(rule),
        next=rule.string("Next") or "",
        output=rule.payload("Output") if rule.language == "JSONata" else None,
        assign=read_assign(rule),
    )
    rule.close()
    return choice


def _jsonpath_rule(rule: Fields) -> Evaluator:
    return Evaluator(compile_rule(rule))


def _jsonata_rule(rule: Fields) -> Evaluator:
    rule.require("Condition")
    query = rule.query("Condition", "boolean", lambda value: isinstance(value, bool))
    return query or constant(rule.flag("Condition"))


def read_wait(fields: Fields, pointer: str) -> WaitState:
    names = ["Seconds", "Timestamp"]
    if fields.language == "JSONPath":
        names += ["SecondsPath", "TimestampPath"]
    name = fields.one_of(*names, required=True)
    until_ms = _UNTIL[name](fields) if name else None
    return WaitState(
        **read_common(fields, "Wait"), pointer=pointer, until_ms=until_ms or constant(0)
    )


def _after(seconds: int) -> Evaluator:
    milliseconds = seconds * 1000
    return Evaluator(lambda _data, scope: scope.now_ms + milliseconds)


def _seconds(fields: Fields) -> Evaluator | None:
    query = fields.query("Seconds", "number", is_number)
    if query is None:
        literal = fields.integer("Seconds", 0, TASK_TIMEOUT_SECONDS_MAX)
        return None if literal is None else _after(literal)
    evaluate = query.call

    def call(data: Json, scope: Scope) -> Json:
        value = evaluate(data, scope)
        if value != int(value) or not 0 <= value <= TASK_TIMEOUT_SECONDS_MAX:
            raise StateError(
                QUERY_EVALUATION_ERROR,
                f"The Seconds field must be an integer between 0 and {TASK_TIMEOUT_SECONDS_MAX}: "
                f"{value}",
                "Seconds",
            )
        return scope.now_ms + int(value) * 1000

    return Evaluator(call)


def _seconds_path(fields: Fields) -> Evaluator | None:
    path = fields.reference("SecondsPath")
    if path is None:
        return None

    def call(data: Json, scope: Scope) -> Json:
        value = _input_value(path, "SecondsPath", data, scope)
        if not is_integer(value):
            raise StateError(
                RUNTIME,
                f"The SecondsPath parameter cannot be parsed as a long value: {path.text} == "
                f"{bare_text(value)}",
            )
        if value < 0:
            raise StateError(
                RUNTIME,
                f"The SecondsPath parameter references a negative value: {path.text} == {value}",
            )
        return scope.now_ms + value * 1000

    return Evaluator(call)


def _timestamp(fields: Fields) -> Evaluator | None:
    query = fields.query("Timestamp", "string", lambda value: isinstance(value, str))
    if query is None:
        return _literal_timestamp(fields)
    evaluate = query.call

    def call(data: Json, scope: Scope) -> Json:
        value = evaluate(data, scope)
        try:
            return parse_timestamp(value) // _NS_PER_MS
        except ValueError:
            raise StateError(
                QUERY_EVALUATION_ERROR,
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time "
                f"format string: {value}",
                "Timestamp",
            ) from None

    return Evaluator(call)


def _literal_timestamp(fields: Fields) -> Evaluator | None:
    text = fields.string("Timestamp")
    if text is None:
        return None
    try:
        return constant(parse_timestamp(text) // _NS_PER_MS)
    except ValueError:
        fields.error(
            "String does not match RFC3339 timestamp",
            "Timestamp",
            hint="such as 2026-01-02T09:00:00Z",
        )
        return None


def _timestamp_path(fields: Fields) -> Evaluator | None:
    path = fields.reference("TimestampPath")
    if path is None:
        return None

    def call(data: Json, scope: Scope) -> Json:
        value = _input_value(path, "TimestampPath", data, scope)
        try:
            return parse_timestamp(bare_text(value)) // _NS_PER_MS
        except ValueError:
            raise StateError(
                RUNTIME,
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
                f"date-time format string: {path.text} == {bare_text(value)}",
            ) from None

    return Evaluator(call)


def _input_value(path: PathField, field: str, data: Json, scope: Scope) -> Json:
    try:
        return path.get(data, scope)
    except PathMissing:
        raise StateError(
            RUNTIME, f"The {field} parameter does not reference an input value: {path.text}"
        ) from None


_UNTIL: dict[str, Callable[[Fields], Evaluator | None]] = {
    "Seconds": _seconds,
    "SecondsPath": _seconds_path,
    "Timestamp": _timestamp,
    "TimestampPath": _timestamp_path,
}
