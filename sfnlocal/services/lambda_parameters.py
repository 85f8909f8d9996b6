"""What Lambda minds about a request before it looks at anything else.

The constraints are those of botocore's model, and two that the model has for other kinds of
functions. https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError
from sfnlocal.limits import LAMBDA_MEMORY_MB_MAX, LAMBDA_TIMEOUT_SECONDS_MAX
from sfnlocal.ports import Json

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

_NARROWER = {"MemorySize": LAMBDA_MEMORY_MB_MAX, "Timeout": LAMBDA_TIMEOUT_SECONDS_MAX}


def check_parameters(operation: OperationModel, params: Mapping[str, Json]) -> None:
    """Raises ApiError, ValidationException."""
    shape = operation.input_shape
    assert shape is not None
    found = []
    for name, member in shape.members.items():
        value = params.get(name)
        if value is None:
            broken = ["Member must not be null"] if name in shape.required_members else []
        else:
            broken = list(_broken(name, member, value))
        shown = "null" if value is None else f"'{value}'"
        path = name[0].lower() + name[1:]
        found += [f"Value {shown} at '{path}' failed to satisfy constraint: {b}" for b in broken]
    if found:
        errors = "error" if len(found) == 1 else "errors"
        message = f"{len(found)} validation {errors} detected: {'; '.join(found)}"
        raise ApiError("ValidationException", message)


def _broken(name: str, shape: Shape, value: Json) -> Iterator[str]:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    highest = _NARROWER.get(name, highest)
    match shape.type_name:
        case "string":
            pattern = shape.metadata.get("pattern")
            if pattern is not None and re.fullmatch(pattern, value) is None:
                yield f"Member must satisfy regular expression pattern: {pattern}"
            if shape.metadata.get("enum") and value not in shape.metadata["enum"]:
                allowed = ", ".join(shape.metadata["enum"])
                yield f"Member must satisfy enum value set: [{allowed}]"
            yield from _out_of_range("length", len(value), lowest, highest)
        case "list":
            yield from _out_of_range("length", len(value), lowest, highest)
        case "integer":
            yield from _out_of_range("value", value, lowest, highest)


def _out_of_range(what: str, value: int, lowest: int | None, highest: int | None) -> Iterator[str]:
    if lowest is not None and value < lowest:
        yield f"Member must have {what} greater than or equal to {lowest}"
    if highest is not None and value > highest:
        yield f"Member must have {what} less than or equal to {highest}"
