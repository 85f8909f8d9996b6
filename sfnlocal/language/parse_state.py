"""What the states have in common: transitions, the flow of data, Retry and Catch.

One table says which state type has which of these fields in which query language; each field has
one reader. https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from typing import Any, TypeAlias

from sfnlocal.language.fields import Fields
from sfnlocal.language.program import Catcher, Evaluator, QueryLanguage, Retrier
from sfnlocal.limits import NAME_CHARS_MAX, TASK_TIMEOUT_SECONDS_MAX

_MAX_ATTEMPTS_MAX = 99_999_999
_MAX_DELAY_SECONDS_MAX = 31_622_400

_FIELDS: dict[QueryLanguage, dict[str, tuple[str, ...]]] = {
    "JSONPath": {
        "Pass": ("InputPath", "Parameters", "ResultPath", "OutputPath", "Assign"),
        "Task": (
            "InputPath",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "Assign",
            "Retry",
            "Catch",
        ),
        "Choice": ("InputPath", "OutputPath", "Assign"),
        "Wait": ("InputPath", "OutputPath", "Assign"),
        "Succeed": ("InputPath", "OutputPath"),
        "Fail": (),
        "Parallel": (
            "InputPath",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "Assign",
            "Retry",
            "Catch",
        ),
        "Map": (
            "InputPath",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "Assign",
            "Retry",
            "Catch",
        ),
    },
    "JSONata": {
        "Pass": ("Output", "Assign"),
        "Task": ("Arguments", "Output", "Assign", "Retry", "Catch"),
        "Choice": ("Output", "Assign"),
        "Wait": ("Output", "Assign"),
        "Succeed": ("Output",),
        "Fail": (),
        "Parallel": ("Arguments", "Output", "Assign", "Retry", "Catch"),
        "Map": ("Output", "Assign", "Retry", "Catch"),
    },
}

# https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
_VARIABLE_NAME = re.compile(rf"[^\W\d]\w{{0,{NAME_CHARS_MAX - 1}}}")


def read_common(fields: Fields, type: str, *, transition: bool = True) -> dict[str, Any]:
    """The keyword arguments that every State class takes, by the fields that `type` has."""
    common: dict[str, Any] = {
        "name": fields.place[-1],
        "type": type,
        "query_language": fields.language,
        "comment": fields.string("Comment"),
    }
    if transition:
        common["next"] = _next(fields)
    for name in _FIELDS[fields.language][type]:
        if name in fields:
            attribute, read = _READERS[name]
            common[attribute] = read(fields, name)
    return common


def _next(fields: Fields) -> str | None:
    following = fields.string("Next")
    end = fields.flag("End")
    if end and following is not None:
        fields.error("There should only be one of the following fields: [Next, End]")
    elif not end and following is None and "Next" not in fields:
        fields.error("One of these fields is required: [Next, End]")
    return following


def read_assign(fields: Fields, name: str = "Assign") -> Evaluator | None:
    """Assign: an object of variables. `states` is the interpreter's own."""
    if name not in fields:
        return None
    variables = fields.child(fields.take(name), name)
    for key in variables.values:
        variable = key.removesuffix(".$") if fields.language == "JSONPath" else key
        if not _VARIABLE_NAME.fullmatch(variable):
            variables.error(
                f"'{variable}' is not a valid variable name",
                hint=f"a letter or _, then letters, digits or _; at most {NAME_CHARS_MAX}",
            )
        elif variable == "states":
            variables.error("'states' is a reserved variable name", hint="name it otherwise")
    return fields.payload(name)


def _error_equals(entry: Fields, *, last: bool) -> tuple[str, ...]:
    entry.require("ErrorEquals")
    names = entry.strings("ErrorEquals")
    if "States.ALL" in names and not (last and len(names) == 1):
        entry.error(
            "States.ALL must appear alone and at end of list",
            "ErrorEquals",
            names.index("States.ALL"),
        )
    return names


def _read_retry(fields: Fields, name: str) -> tuple[Retrier, ...]:
    entries = fields.array(name, may_be_empty=True) or []
    return tuple(
        _read_retrier(fields.child(entry, name, index), last=index == len(entries) - 1)
        for index, entry in enumerate(entries)
    )


def _read_retrier(entry: Fields, *, last: bool) -> Retrier:
    entry.string("Comment")
    interval = entry.integer("IntervalSeconds", 1, TASK_TIMEOUT_SECONDS_MAX)
    attempts = entry.integer("MaxAttempts", 0, _MAX_ATTEMPTS_MAX)
    rate = entry.number("BackoffRate", 1.0, inf)
    delay = entry.integer("MaxDelaySeconds", 1, _MAX_DELAY_SECONDS_MAX)
    jitter = entry.keyword("JitterStrategy", "FULL", "NONE")
    retrier = Retrier(
        error_equals=_error_equals(entry, last=last),
        interval_seconds=1 if interval is None else interval,
        max_attempts=3 if attempts is None else attempts,
        backoff_rate=2.0 if rate is None else float(rate),
        max_delay_seconds=delay,
        full_jitter=jitter == "FULL",
    )
    if delay is not None and delay <= retrier.interval_seconds:
        entry.error("MaxDelaySeconds must be greater than IntervalSeconds", "MaxDelaySeconds")
    entry.close()
    return retrier


def _read_catch(fields: Fields, name: str) -> tuple[Catcher, ...]:
    entries = fields.array(name, may_be_empty=True) or []
    return tuple(
        _read_catcher(fields.child(entry, name, index), last=index == len(entries) - 1)
        for index, entry in enumerate(entries)
    )


def _read_catcher(entry: Fields, *, last: bool) -> Catcher:
    entry.string("Comment")
    entry.require("Next")
    jsonata = entry.language == "JSONata"
    catcher = Catcher(
        error_equals=_error_equals(entry, last=last),
        next=entry.string("Next") or "",
        result_path=None if jsonata else entry.result_path("ResultPath"),
        output=entry.payload("Output") if jsonata else None,
        assign=read_assign(entry),
    )
    entry.close()
    return catcher


_Reader: TypeAlias = Callable[[Fields, str], Any]

_READERS: dict[str, tuple[str, _Reader]] = {
    "InputPath": ("input_path", Fields.path),
    "Parameters": ("parameters", Fields.payload),
    "ResultSelector": ("result_selector", Fields.payload),
    "ResultPath": ("result_path", Fields.result_path),
    "OutputPath": ("output_path", Fields.path),
    "Arguments": ("arguments", Fields.payload),
    "Output": ("output", Fields.payload),
    "Assign": ("assign", read_assign),
    "Retry": ("retry", _read_retry),
    "Catch": ("catch", _read_catch),
}
