"""Fields that give one number or one text: literally, by a path, or by a JSONata expression.

Time-outs, heartbeats and MaxConcurrency are numbers; a Fail state's Error and Cause and a role
ARN are texts. What a path or an expression finds is checked when it is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sfnlocal.errors import StateError
from sfnlocal.language.fields import Fields
from sfnlocal.language.paths import RUNTIME, PathField, constant, path_evaluator
from sfnlocal.language.payload import compile_expression
from sfnlocal.language.program import Evaluator, Scope
from sfnlocal.language.query import QUERY_EVALUATION_ERROR
from sfnlocal.language.wording import bare_text, is_integer, is_number
from sfnlocal.ports import Json

_DECIMAL = re.compile(r"-?\d+(\.\d+)?")


def read_integer(
    fields: Fields, name: str, minimum: int, maximum: int, *, from_text: bool = False
) -> Evaluator | None:
    """`name`, or in a JSONPath state `name` + `Path`; its value is an int from `minimum` on.
    `from_text`: a path may lead to digits in a string too."""
    path_name = f"{name}Path"
    if fields.language == "JSONPath" and path_name in fields:
        fields.one_of(name, path_name)
        path = fields.reference(path_name)
        return path and _integer_at(path, path_name, minimum, maximum, from_text)
    if name not in fields:
        return None
    query = fields.query(name, "number", is_number)
    if query is not None:
        return _integer_of(query, fields.query_field(name).name, minimum, maximum)
    literal = fields.integer(name, minimum, maximum)
    return None if literal is None else constant(literal)


def _integer_at(
    path: PathField, field: str, minimum: int, maximum: int, from_text: bool
) -> Evaluator:
    find = path_evaluator(path).call

    def call(data: Json, scope: Scope) -> Json:
        value = find(data, scope)
        if from_text and isinstance(value, str) and value.isdecimal():
            value = int(value)
        if not is_integer(value):
            raise StateError(
                RUNTIME,
                f'The {field} field refers to value "{bare_text(value)}" which is not a valid '
                f"integer: {path.text}",
            )
        if minimum <= value <= maximum:
            return value
        raise StateError(
            RUNTIME,
            f'The {field} field refers to value "{value}" which is not between {minimum} and '
            f"{maximum}: {path.text}",
        )

    return Evaluator(call, 0, 1)


def _integer_of(query: Evaluator, field: str, minimum: int, maximum: int) -> Evaluator:
    evaluate = query.call

    def call(data: Json, scope: Scope) -> Json:
        value = evaluate(data, scope)
        if value == int(value) and minimum <= value <= maximum:
            return int(value)
        raise StateError(
            QUERY_EVALUATION_ERROR,
            f"The {field} field must be an integer between {minimum} and {maximum}: {value}",
            field,
        )

    return Evaluator(call, 0, 0)


def read_percentage(fields: Fields, name: str) -> Evaluator | None:
    """A number from 0 to 100, as `name` or in a JSONPath state `name` + `Path`."""
    path_name = f"{name}Path"
    if fields.language == "JSONPath" and path_name in fields:
        fields.one_of(name, path_name)
        path = fields.reference(path_name)
        return path and _percentage_at(path, name)
    if name not in fields:
        return None
    query = fields.query(name, "number", is_number)
    if query is not None:
        return Evaluator(_percentage_check(query.call, name, QUERY_EVALUATION_ERROR))
    literal = fields.number(name, 0, 100)
    return None if literal is None else constant(literal)


def _percentage_at(path: PathField, name: str) -> Evaluator:
    find = path_evaluator(path).call

    def number(data: Json, scope: Scope) -> Json:
        value = find(data, scope)
        if is_number(value):
            return value
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            return float(value)
        raise StateError(
            RUNTIME,
            f'The {name}Path field refers to value "{bare_text(value)}" which is not a valid '
            f"float: {path.text}",
        )

    return Evaluator(_percentage_check(number, name, RUNTIME))


def _percentage_check(
    evaluate: Callable[[Json, Scope], Json], name: str, error: str
) -> Callable[[Json, Scope], Json]:
    def call(data: Json, scope: Scope) -> Json:
        value = evaluate(data, scope)
        if 0 <= value <= 100:
            return value
        location = name if error == QUERY_EVALUATION_ERROR else None
        raise StateError(error, f"{name} must be between 0 and 100.", location)

    return call


def read_text(fields: Fields, name: str, path_name: str) -> Evaluator | None:
    """`name` as a string or JSONata, or in a JSONPath state `path_name` as a path or an intrinsic
    function; its value is a string."""
    if fields.language == "JSONPath" and path_name in fields:
        fields.one_of(name, path_name)
        text = fields.string(path_name)
        return None if text is None else _text_at(fields, path_name, text)
    query = fields.query(name, "string", lambda value: isinstance(value, str))
    if query is not None:
        return query
    literal = fields.string(name)
    return None if literal is None else constant(literal)


def _text_at(fields: Fields, field: str, text: str) -> Evaluator:
    evaluator = compile_expression(text, field, fields.compilation.diagnostics, fields.place)
    evaluate = evaluator.call

    def call(data: Json, scope: Scope) -> Json:
        value = evaluate(data, scope)
        if isinstance(value, str):
            return value
        raise StateError(
            RUNTIME,
            f'The {field} field refers to value "{bare_text(value)}" which is not a string: {text}',
        )

    return Evaluator(call, evaluator.constant_bytes, evaluator.references)
