"""Calls an operation with a template's property values, fitted to what the API wants.

Templates often write texts where the API takes numbers or booleans, and properties that are no
parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sfnlocal.jsontext import json_text
from sfnlocal.services.aws import Aws


def call(aws: Aws, service: str, operation: str, **params: Any) -> Any:
    """Call an operation with those of `params` that it has, their texts turned into the numbers
    and booleans that it wants (templates often write texts)."""
    client = aws.client(service)
    shape = client.meta.service_model.operation_model(operation).input_shape
    method = client.meta.method_to_api_mapping
    name = next(name for name, api in method.items() if api == operation)
    return getattr(client, name)(**_fitted(params, shape))


def _fitted(value: Any, shape: Shape) -> Any:
    match shape:
        case StructureShape() if isinstance(value, Mapping):
            return {
                name: _fitted(item, shape.members[name])
                for name, item in value.items()
                if name in shape.members and item is not None
            }
        case ListShape() if isinstance(value, list):
            return [_fitted(item, shape.member) for item in value]
        case MapShape() if isinstance(value, Mapping):
            return {key: _fitted(item, shape.value) for key, item in value.items()}
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name == "boolean":
        return _true(value)
    if shape.type_name == "string" and not isinstance(value, str):
        return json_text(value)
    return value


def _true(value: object) -> bool:
    return value is True or value == "true"
