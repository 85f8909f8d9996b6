"""Checks a request against botocore's model of Step Functions, as AWS does before it looks closer.

A value of the wrong type is a SerializationException; everything else that the model forbids is
told at once, in one ValidationException.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import botocore

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json

Shape: TypeAlias = Mapping[str, Any]

# The model lists enums in its own order; this one is recorded.
_RECORDED_ORDER = {
    "ExecutionStatus": "SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING"
}


@functools.cache
def _model() -> Mapping[str, Any]:
    """The newest of botocore's. Its loader imports so much that a server would start later."""
    versions = Path(botocore.BOTOCORE_ROOT, "data", "stepfunctions").glob("*/service-2.json.gz")
    model: Mapping[str, Any] = json.loads(gzip.decompress(max(versions).read_bytes()))
    return model


class RequestModel:
    """`operations` are the names of all that AWS has."""

    def __init__(self) -> None:
        model = _model()
        self.target_prefix: str = model["metadata"]["targetPrefix"]
        self.operations: frozenset[str] = frozenset(model["operations"])
        self._inputs = {
            name: operation["input"]["shape"] for name, operation in model["operations"].items()
        }
        self._shapes: Mapping[str, Shape] = model["shapes"]

    def checked(self, operation: str, params: Json) -> dict[str, Json]:
        """The parameters without those that AWS does not know or that are null. ApiError where
        they are refused."""
        value = self._typed(self._inputs[operation], params)
        problems = list(self._problems(self._inputs[operation], value, ""))
        if problems:
            count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
            raise ApiError("ValidationException", count + "; ".join(problems))
        assert isinstance(value, dict)
        return value

    def _typed(self, name: str, value: Json) -> Json:
        shape = self._shapes[name]
        convert = _TYPES.get(shape["type"])
        if convert is not None:
            return convert(value)
        if shape["type"] == "structure":
            if not isinstance(value, dict):
                raise _unexpected(value, "structure or map")
            members = shape["members"]
            return {
                key: self._typed(members[key]["shape"], item)
                for key, item in value.items()
                if key in members and item is not None
            }
        if shape["type"] == "list":
            if not isinstance(value, list):
                raise _unexpected(value, "list")
            member = shape["member"]["shape"]
            return [None if item is None else self._typed(member, item) for item in value]
        assert shape["type"] == "map", shape
        if not isinstance(value, dict):
            raise _unexpected(value, "structure or map")
        member = shape["value"]["shape"]
        return {key: self._typed(member, item) for key, item in value.items()}

    def _problems(self, name: str, value: Json, path: str) -> Iterator[str]:
        shape = self._shapes[name]
        kind = shape["type"]
        if kind == "structure":
            for required in shape.get("required", ()):
                if required not in value:
                    where = f"{path}.{required}" if path else required
                    yield (
                        f"Value null at '{where}' failed to satisfy constraint: "
                        "Member must not be null"
                    )
            for key, item in value.items():
                where = f"{path}.{key}" if path else key
                yield from self._problems(shape["members"][key]["shape"], item, where)
            return
        for constraint in _constraints(name, shape, value):
            shown = "" if shape.get("sensitive") else f" '{_shown(value)}'"
            yield f"Value{shown} at '{path}' failed to satisfy constraint: {constraint}"
        if kind == "list":
            for index, item in enumerate(value, 1):
                where = f"{path}.{index}.member"
                if item is None:
                    yield (
                        f"Value null at '{where}' failed to satisfy constraint: "
                        "Member must not be null"
                    )
                else:
                    yield from self._problems(shape["member"]["shape"], item, where)


def _constraints(name: str, shape: Shape, value: Json) -> Iterator[str]:
    low, high = shape.get("min"), shape.get("max")
    if isinstance(value, int) and not isinstance(value, bool):
        if low is not None and value < low:
            yield f"Member must have value greater than or equal to {low}"
        if high is not None and value > high:
            yield f"Member must have value less than or equal to {high}"
    elif isinstance(value, str | list):
        if low is not None and len(value) < low:
            yield f"Member must have length greater than or equal to {low}"
        if high is not None and len(value) > high:
            yield f"Member must have length less than or equal to {high}"
    if isinstance(value, str):
        allowed = shape.get("enum")
        if allowed is not None and value not in allowed:
            listed = _RECORDED_ORDER.get(name, ", ".join(allowed))
            yield f"Member must satisfy enum value set: [{listed}]"
        pattern = shape.get("pattern")
        if pattern is not None and _python_pattern(pattern).fullmatch(value) is None:
            yield f"Member must satisfy regular expression pattern: {pattern}"


@functools.cache
def _python_pattern(pattern: str) -> re.Pattern[str]:
    """The model's patterns are Java's."""
    return re.compile(pattern.replace(r"\p{ASCII}", r"\x00-\x7f"))


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise _not_a("String", value)
    return value


def _whole(value: Json) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _not_a("Integer", value)
    return value


def _number(value: Json) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _not_a("Float", value)
    return value


def _truth(value: Json) -> bool:
    if not isinstance(value, bool):
        raise _not_a("Boolean", value)
    return value


_TYPES: Mapping[str, Callable[[Json], Json]] = {
    "string": _text,
    "integer": _whole,
    "long": _whole,
    "float": _number,
    "double": _number,
    "timestamp": _number,
    "boolean": _truth,
}


def _not_a(wanted: str, value: Json) -> ApiError:
    match value:
        case dict():
            return _unexpected(value, "")
        case list():
            return _unexpected(value, "")
        case bool():
            found = f"{str(value).upper()}_VALUE"
        case str():
            found = "STRING_VALUE"
        case _:
            found = "NUMBER_VALUE"
    article = "an" if wanted == "Integer" else "a"
    return ApiError("SerializationException", f"{found} can not be converted to {article} {wanted}")


def _unexpected(value: Json, wanted: str) -> ApiError:
    match value:
        case dict():
            message = "Start of structure or map found where not expected."
        case list():
            message = "Start of list found where not expected"
        case _:
            message = f"Unexpected field type: expected {wanted}"
    return ApiError("SerializationException", message)
