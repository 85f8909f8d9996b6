"""Payload templates, and where results are put.

A template compiles once to closures. What is constant in it is one shared value that costs
nothing; an object with expressions in it is one copy of its constant part, then one call for each
expression. As on AWS, a key that ended in `.$` stands after the template's other keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from sfnlocal.errors import StateError, UnsupportedError
from sfnlocal.jsontext import json_bytes, json_text
from sfnlocal.language.diagnostics import Diagnostics, Place
from sfnlocal.language.intrinsics import (
    IntrinsicSyntaxError,
    compile_intrinsic,
    is_intrinsic,
)
from sfnlocal.language.jsonpath import PathSyntaxError
from sfnlocal.language.paths import constant, named_path_evaluator, read_path
from sfnlocal.language.program import Evaluator, ResultPath, Scope
from sfnlocal.language.query import QueryField, is_query, read_query
from sfnlocal.ports import Json

_Call: TypeAlias = Callable[[Json, Scope], Json]


class _Part(NamedTuple):
    """`skeleton` is the value with null where an expression's result goes; no `call` means that
    it is the whole value. `more_bytes` are constant bytes beside the skeleton's."""

    skeleton: Json
    call: _Call | None = None
    more_bytes: int = 0
    references: int | None = 0


def compile_template(template: Json, *, diagnostics: Diagnostics, place: Place) -> Evaluator:
    """A JSONPath payload template: the values of keys that end in `.$` are paths or intrinsic
    functions, everything else is itself. The data is the path root `$`."""
    return _evaluator(_template_part(template, diagnostics, place))


def compile_jsonata_template(
    value: Json, *, field: str, engine: str, diagnostics: Diagnostics, place: Place
) -> Evaluator:
    """A JSON value in which strings `{% ... %}` at any depth are JSONata. The data is `$states`;
    `field` is where the value stands in its state, as events name it (`Catch[0]/Output`)."""
    return _evaluator(_jsonata_part(value, QueryField(field, place, engine, diagnostics), ()))


def compile_expression(text: Json, field: str, diagnostics: Diagnostics, place: Place) -> Evaluator:
    """A path or an intrinsic function; `place` is the object that `field` stands in."""
    try:
        if not isinstance(text, str):
            raise PathSyntaxError("not a string", 0)
        if is_intrinsic(text):
            return compile_intrinsic(text)
        return named_path_evaluator(read_path(text), field)
    except (PathSyntaxError, IntrinsicSyntaxError) as error:
        diagnostics.error(
            f"The value for the field '{field}' must be a valid JSONPath or a valid intrinsic "
            "function call",
            place,
            at=(*place, field),
            hint=f"{json_text(text)}: {error}",
        )
    except UnsupportedError as error:
        diagnostics.refused(error, (*place, field))
    return constant(None)


def put_result(result_path: ResultPath, input: Json, result: Json) -> Json:
    """The state's output: `result` put into `input`, of which only the spine is copied. Objects
    on the way are made where they are missing; arrays are never extended.

    Raises StateError("States.ResultPathMatchFailure"), as states-language.net names it.
    """
    if result_path.discard:
        return input
    try:
        return _put(result_path.steps, 0, input, result)
    except (TypeError, IndexError):
        path = "$" + "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in result_path.steps
        )
        raise StateError(
            "States.ResultPathMatchFailure",
            f"Unable to apply ReferencePath {path} to input {json_text(input)}",
        ) from None


def _put(steps: tuple[str | int, ...], index: int, into: Json, result: Json) -> Json:
    if index == len(steps):
        return result
    step = steps[index]
    if isinstance(step, int):
        if not isinstance(into, list):
            raise TypeError
        items = into.copy()
        items[step] = _put(steps, index + 1, into[step], result)
        return items
    if not isinstance(into, dict):
        raise TypeError
    last = index + 1 == len(steps)
    inner = result if last else _put(steps, index + 1, into.get(step, {}), result)
    return {**into, step: inner}


def _evaluator(part: _Part) -> Evaluator:
    if part.call is None:
        return constant(part.skeleton)
    if part.references is None:
        return Evaluator(part.call, 0, None)
    return Evaluator(part.call, json_bytes(part.skeleton) + part.more_bytes, part.references)


def _template_part(template: Json, diagnostics: Diagnostics, place: Place) -> _Part:
    if isinstance(template, list):
        return _array(
            template,
            [
                _template_part(item, diagnostics, (*place, index))
                for index, item in enumerate(template)
            ],
        )
    if not isinstance(template, dict):
        return _Part(template)
    members: list[tuple[str, _Part]] = []
    late: list[tuple[str, _Part]] = []
    for key, value in template.items():
        if key.endswith(".$"):
            late.append((key[:-2], _dynamic_part(key, value, diagnostics, place)))
            if key[:-2] in template:
                diagnostics.error(f"The fields '{key[:-2]}' and '{key}' are the same", place)
        else:
            members.append((key, _template_part(value, diagnostics, (*place, key))))
    return _object(template, [*members, *late])


def _dynamic_part(key: str, value: Json, diagnostics: Diagnostics, place: Place) -> _Part:
    evaluator = compile_expression(value, key, diagnostics, place)
    return _Part(None, evaluator.call, evaluator.constant_bytes, evaluator.references)


def _jsonata_part(value: Json, field: QueryField, steps: Place) -> _Part:
    if isinstance(value, str):
        if not is_query(value):
            return _Part(value)
        evaluator = read_query(value, field.inside(steps)) or constant(None)
        return _Part(None, evaluator.call, evaluator.constant_bytes, evaluator.references)
    if isinstance(value, list):
        return _array(
            value,
            [_jsonata_part(item, field, (*steps, index)) for index, item in enumerate(value)],
        )
    if isinstance(value, dict):
        return _object(
            value,
            [(key, _jsonata_part(item, field, (*steps, key))) for key, item in value.items()],
        )
    return _Part(value)


def _object(source: dict[str, Json], members: list[tuple[str, _Part]]) -> _Part:
    skeleton = {key: part.skeleton for key, part in members}
    calls = tuple((key, part.call) for key, part in members if part.call is not None)
    if not calls:
        return _Part(source)

    def build(data: Json, scope: Scope) -> Json:
        built = skeleton.copy()
        for key, call in calls:
            built[key] = call(data, scope)
        return built

    return _with_sizes(skeleton, build, (part for _, part in members))


def _array(source: list[Json], parts: list[_Part]) -> _Part:
    skeleton = [part.skeleton for part in parts]
    calls = tuple((index, part.call) for index, part in enumerate(parts) if part.call is not None)
    if not calls:
        return _Part(source)

    def build(data: Json, scope: Scope) -> Json:
        built = skeleton.copy()
        for index, call in calls:
            built[index] = call(data, scope)
        return built

    return _with_sizes(skeleton, build, parts)


def _with_sizes(skeleton: Json, build: _Call, parts: Iterable[_Part]) -> _Part:
    more_bytes = 0
    references: int | None = 0
    for part in parts:
        more_bytes += part.more_bytes
        if references is not None:
            references = None if part.references is None else references + part.references
    return _Part(skeleton, build, more_bytes, references)
