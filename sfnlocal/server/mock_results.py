"""Holds the mocked result of a service integration against the service's model, as TestState does.

The model is botocore's; its members have the names that Step Functions gives them. A field that the
model does not have is let through (recorded).
https://docs.aws.amazon.com/step-functions/latest/apireference/API_MockInput.html
"""

from __future__ import annotations

from functools import cache

from botocore.loaders import create_loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json, TaskResource
from sfnlocal.services.aws_sdk import NameRule, api_name, client_name, member_name
from sfnlocal.services.optimized import OPTIMIZED

_NUMBERS = ("integer", "long", "float", "double")


def check_mock_result(resource: TaskResource, result: Json, mode: str) -> None:
    """Raises ApiError. `mode` is STRICT, or PRESENT: fields that are required may be missing."""
    if resource.pattern != "REQUEST_RESPONSE":
        # What a job or a token's holder answers is no response of the API.
        return
    service, action = resource.service, resource.action
    rule: NameRule = api_name
    if service.startswith("aws-sdk:"):
        shape = _output_shape(service.removeprefix("aws-sdk:"), action.lower())
        rule = member_name
    else:
        optimized = OPTIMIZED.get(service)
        if optimized is None or action not in optimized.actions:
            return
        shape = _output_shape(optimized.client, action.lower())
    if shape is not None:
        _Check(rule, required=mode == "STRICT", payload=service == "lambda").structure(
            "", result, shape
        )


@cache
def _output_shape(service: str, action: str) -> StructureShape | None:
    loader = create_loader()
    client = client_name(service, loader.list_available_services("service-2"))
    if client is None:
        return None
    model = ServiceModel(loader.load_service_model(client, "service-2"), client)
    for name in model.operation_names:
        if name.lower() == action:
            return model.operation_model(name).output_shape
    return None


class _Check:
    """`payload`: Lambda's Payload is JSON, where its API has bytes."""

    def __init__(self, rule: NameRule, *, required: bool, payload: bool) -> None:
        self._rule = rule
        self._required = required
        self._payload = payload

    def structure(self, field: str, value: Json, shape: StructureShape) -> None:
        if not isinstance(value, dict):
            raise _error(field, "must be an object") if field else _no_object()
        members = {self._rule(name): (name, member) for name, member in shape.members.items()}
        if self._required:
            for name in shape.required_members:
                if self._rule(name) not in value:
                    raise _error(self._rule(name), "is required but was missing")
        for key, item in value.items():
            if key in members:
                name, member = members[key]
                if not (self._payload and name == "Payload"):
                    self._value(key, item, member)

    def _value(self, field: str, value: Json, shape: Shape) -> None:
        match shape:
            case StructureShape():
                self.structure(field, value, shape)
            case ListShape():
                if not isinstance(value, list):
                    raise _error(field, "must be an array")
                for item in value:
                    self._value(field, item, shape.member)
            case MapShape():
                if not isinstance(value, dict):
                    raise _error(field, "must be an object")
                for item in value.values():
                    self._value(field, item, shape.value)
            case _ if shape.type_name == "boolean":
                if not isinstance(value, bool):
                    raise _error(field, "must be a boolean")
            case _ if shape.type_name in _NUMBERS:
                _check_number(field, value, shape)
            case _:
                _check_text(field, value, shape)


def _check_number(field: str, value: Json, shape: Shape) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _error(field, "must be a number")
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        raise _error(field, "is less than the minimum value")
    if high is not None and value > high:
        raise _error(field, "exceeds the maximum value")


def _check_text(field: str, value: Json, shape: Shape) -> None:
    """Texts, times and bytes."""
    if not isinstance(value, str):
        raise _error(field, "must be a string")
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        raise _error(field, "is smaller than the minimum length")
    if high is not None and len(value) > high:
        raise _error(field, "exceeds the maximum length")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        raise _error(field, "is not an expected value")


def _error(field: str, why: str) -> ApiError:
    message = f"Mock result schema validation error: Field '{field}' {why}"
    return ApiError("ValidationException", message)


def _no_object() -> ApiError:
    message = "Mock result schema validation error: the result must be an object"
    return ApiError("ValidationException", message)
