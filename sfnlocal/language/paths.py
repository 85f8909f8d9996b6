"""Path fields: a JSONPath text compiled to a getter, and to Evaluators that fail in AWS's words.

A path starts at the state's data (`$.a`), the Context object (`$$.Execution.Id`) or a variable
(`$order.id`). AWS speaks of a missing value in different words in each kind of field, so a
getter raises PathMissing and its Evaluator says it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, cast

from sfnlocal.errors import StateError
from sfnlocal.jsontext import json_bytes, json_text
from sfnlocal.language.jsonpath import PathMissing, PathSyntaxError, compile_path, split_root
from sfnlocal.language.program import Evaluator, ResultPath, Scope
from sfnlocal.ports import Json

Getter: TypeAlias = Callable[[Json, Scope], Json]

RUNTIME = "States.Runtime"


class PathField(NamedTuple):
    """`own_text` is the path without its root's mark: `$.Execution` for `$$.Execution`."""

    text: str
    own_text: str
    get: Getter


def constant(value: Json) -> Evaluator:
    return Evaluator(lambda _data, _scope: value, json_bytes(value))


def read_path(text: str, *, reference: bool = False) -> PathField:
    """Raises PathSyntaxError. A Reference Path has names and indexes only: it finds one value."""
    root, name, own_text = split_root(text)
    path = compile_path(own_text)
    if reference and not path.is_reference:
        raise PathSyntaxError("it may find more than one value", 0)
    find = path.get
    if root == "context":
        return PathField(text, own_text, lambda _data, scope: find(scope.context()))
    if root == "input":
        return PathField(text, own_text, lambda data, _scope: find(data))

    def get(_data: Json, scope: Scope) -> Json:
        try:
            value = scope.variables[name]
        except KeyError:
            raise PathMissing(f"No results for path: $['{name}']") from None
        return find(value)

    return PathField(text, own_text, get)


def path_evaluator(path: PathField) -> Evaluator:
    """InputPath, OutputPath, TimeoutSecondsPath and their like."""
    get, text = path.get, path.text

    def call(data: Json, scope: Scope) -> Json:
        try:
            return get(data, scope)
        except PathMissing as missing:
            raise StateError(RUNTIME, f"Invalid path '{text}' : {missing}") from None

    return Evaluator(call, 0, 1)


def named_path_evaluator(path: PathField, field: str) -> Evaluator:
    """Values of a payload template, ErrorPath, CausePath: AWS names the field and the input."""
    get, text = path.get, path.text

    def call(data: Json, scope: Scope) -> Json:
        try:
            return get(data, scope)
        except PathMissing:
            raise StateError(
                RUNTIME,
                f"The JSONPath '{text}' specified for the field '{field}' could not be found in "
                f"the input '{json_text(data)}'",
            ) from None

    return Evaluator(call, 0, 1)


def read_result_path(text: str) -> ResultPath:
    """Raises PathSyntaxError: a ResultPath is a Reference Path into the state's input."""
    root, _, own_text = split_root(text)
    if root != "input":
        raise PathSyntaxError("a ResultPath starts with '$.' or '$['", 0)
    path = compile_path(own_text)
    if not path.is_reference:
        raise PathSyntaxError("it may find more than one value", 0)
    return ResultPath(cast("tuple[str | int, ...]", path.steps))
