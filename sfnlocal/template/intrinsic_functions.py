"""CloudFormation's intrinsic functions: `resolve` replaces them in any part of a template.

Each function is one entry of a table. What a function needs to know of its stack it asks the
Scope, which answers lazily: only the branch of an Fn::If that is taken is ever looked at.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Literal, Protocol, TypeAlias

from sfnlocal.errors import NeedsAwsError, TemplateError, UnsupportedError
from sfnlocal.ports import Json


class _NoValue(Enum):
    NO_VALUE = "AWS::NoValue"


NO_VALUE: Final[Literal[_NoValue.NO_VALUE]] = _NoValue.NO_VALUE
"""What Ref AWS::NoValue gives: the property or list item that holds it is left out."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DYNAMIC_REFERENCE = re.compile(r"\{\{(resolve:[^}]*)\}\}")


class Scope(Protocol):
    """The stack that a function stands in. `where` is the function's place, for messages."""

    @property
    def region(self) -> str: ...
    def ref(self, name: str, where: str) -> Json: ...
    def attribute(self, logical_id: str, attribute: str, where: str) -> Json: ...
    def condition(self, name: str, where: str) -> bool: ...
    def mapping(self, name: str, where: str) -> Mapping[str, Json]: ...
    def import_value(self, name: str, where: str) -> Json: ...
    def stack_output(self, stack: str, output: str, region: str, where: str) -> Json: ...
    def dynamic_reference(self, text: str, where: str) -> str: ...


Function: TypeAlias = Callable[[Json, Scope, str], Json]


def resolve(value: Json, scope: Scope, where: str) -> Json:
    """`value` without intrinsic functions and dynamic references. Raises TemplateError or
    UnsupportedError with the place in `where`."""
    if isinstance(value, str):
        return _with_dynamic_references(value, scope, where)
    if isinstance(value, list):
        items = [resolve(item, scope, f"{where}/{index}") for index, item in enumerate(value)]
        return [item for item in items if item is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, argument)] = value.items()
        function = FUNCTIONS.get(name)
        if function is not None:
            result = function(argument, scope, f"{where}/{name}")
            if isinstance(result, str):
                return _with_dynamic_references(result, scope, where)
            return result
    resolved = {}
    for key, item in value.items():
        if key.startswith("Fn::"):
            raise UnsupportedError(f"{key} is not supported here", where=where)
        result = resolve(item, scope, f"{where}/{_pointer_token(key)}")
        if result is not NO_VALUE:
            resolved[key] = result
    return resolved


def resolve_condition(value: Json, scope: Scope, where: str) -> bool:
    """The truth of an entry of the template's Conditions."""
    if isinstance(value, dict) and len(value) == 1:
        [(name, argument)] = value.items()
        function = CONDITION_FUNCTIONS.get(name)
        if function is not None:
            return function(argument, scope, f"{where}/{name}")
    raise TemplateError(f"not a condition: {json.dumps(value)[:80]}", where=where)


def text_of(value: Json, where: str) -> str:
    """A scalar as CloudFormation writes it into text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TemplateError(f"a text is needed, not {json.dumps(value, default=str)[:80]}", where=where)


def _pointer_token(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _with_dynamic_references(text: str, scope: Scope, where: str) -> str:
    if "{{resolve:" not in text:
        return text
    return _DYNAMIC_REFERENCE.sub(
        lambda match: scope.dynamic_reference(match[1], where),
        text,
    )


def _list(value: Json, scope: Scope, where: str, *lengths: int) -> list[Json]:
    arguments = resolve(value, scope, where)
    if not isinstance(arguments, list) or (lengths and len(arguments) not in lengths):
        wanted = f"a list of {' or '.join(map(str, lengths))}" if lengths else "a list"
        raise TemplateError(f"the argument must be {wanted}", where=where)
    return arguments


def _ref(value: Json, scope: Scope, where: str) -> Json:
    if not isinstance(value, str):
        raise TemplateError("Ref takes a logical id", where=where)
    return scope.ref(value, where)


def _get_att(value: Json, scope: Scope, where: str) -> Json:
    parts = value.split(".", 1) if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str):
        raise TemplateError("Fn::GetAtt takes a logical id and an attribute", where=where)
    attribute = [text_of(resolve(part, scope, where), where) for part in parts[1:]]
    return scope.attribute(parts[0], ".".join(attribute), where)


def _sub(value: Json, scope: Scope, where: str) -> Json:
    parts = [value, {}] if isinstance(value, str) else value
    template, variables = parts if isinstance(parts, list) and len(parts) == 2 else (None, None)
    if not isinstance(template, str) or not isinstance(variables, dict):
        raise TemplateError("Fn::Sub takes a text, or a text and a map", where=where)

    def replacement(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in variables:
            found = resolve(variables[name], scope, f"{where}/1/{_pointer_token(name)}")
        elif "." in name:
            logical_id, _, attribute = name.partition(".")
            found = scope.attribute(logical_id, attribute, where)
        else:
            found = scope.ref(name, where)
        return text_of(found, where)

    return _VARIABLE.sub(replacement, template)


def _join(value: Json, scope: Scope, where: str) -> Json:
    delimiter, items = _list(value, scope, where, 2)
    if not isinstance(items, list):
        raise TemplateError("Fn::Join joins a list", where=where)
    return text_of(delimiter, where).join(text_of(item, where) for item in items)


def _select(value: Json, scope: Scope, where: str) -> Json:
    index, items = _list(value, scope, where, 2)
    if not isinstance(items, list):
        raise TemplateError("Fn::Select selects from a list", where=where)
    try:
        position = int(index)
    except (TypeError, ValueError):
        raise TemplateError(f"no index: {json.dumps(index)}", where=where) from None
    if not 0 <= position < len(items):
        # It may come from an ARN that only AWS knows, so it need not be a mistake.
        raise NeedsAwsError(f"the list has {len(items)} items, no item {position}", where=where)
    return items[position]


def _split(value: Json, scope: Scope, where: str) -> Json:
    delimiter, text = _list(value, scope, where, 2)
    if not isinstance(delimiter, str) or not delimiter:
        raise TemplateError("Fn::Split needs a delimiter", where=where)
    return text_of(text, where).split(delimiter)


def _if(value: Json, scope: Scope, where: str) -> Json:
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[0], str):
        raise TemplateError("Fn::If takes a condition's name and two values", where=where)
    branch = 1 if scope.condition(value[0], where) else 2
    return resolve(value[branch], scope, f"{where}/{branch}")


def _find_in_map(value: Json, scope: Scope, where: str) -> Json:
    name, *keys = _list(value, scope, where, 3, 4)
    default = keys.pop() if len(keys) == 3 else None
    found: Json = scope.mapping(text_of(name, where), where)
    for key in keys:
        if not isinstance(found, Mapping) or str(key) not in found:
            if isinstance(default, dict) and "DefaultValue" in default:
                return default["DefaultValue"]
            raise NeedsAwsError(
                f"the mapping {name} has no {'/'.join(map(str, keys))}",
                where=where,
                hint="is the region right? load_app(..., region='...')",
            )
        found = found[str(key)]
    return found


def _import_value(value: Json, scope: Scope, where: str) -> Json:
    return scope.import_value(text_of(resolve(value, scope, where), where), where)


def _get_stack_output(value: Json, scope: Scope, where: str) -> Json:
    found = resolve(value, scope, where)
    if not isinstance(found, dict) or not {"StackName", "OutputName"} <= found.keys():
        raise TemplateError("Fn::GetStackOutput needs StackName and OutputName", where=where)
    region = found.get("Region", scope.region)
    return scope.stack_output(found["StackName"], found["OutputName"], region, where)


def _base64(value: Json, scope: Scope, where: str) -> Json:
    return base64.b64encode(text_of(resolve(value, scope, where), where).encode()).decode()


def _cidr(value: Json, scope: Scope, where: str) -> Json:
    raise UnsupportedError("Fn::Cidr is not supported: networks are not simulated", where=where)


def _get_azs(value: Json, scope: Scope, where: str) -> Json:
    """The real list is the account's. Six zones, since no region has more."""
    region = resolve(value, scope, where) or scope.region
    return [f"{region}{zone}" for zone in "abcdef"]


def _to_json_string(value: Json, scope: Scope, where: str) -> Json:
    return json.dumps(resolve(value, scope, where), separators=(",", ":"))


def _length(value: Json, scope: Scope, where: str) -> Json:
    return len(_list(value, scope, where))


def _unsupported_transform(value: Json, scope: Scope, where: str) -> Json:
    name = value.get("Name") if isinstance(value, dict) else None
    raise UnsupportedError(f"Fn::Transform {name or ''} runs in AWS only".strip(), where=where)


def _condition(value: Json, scope: Scope, where: str) -> bool:
    return scope.condition(text_of(value, where), where)


def _equals(value: Json, scope: Scope, where: str) -> bool:
    left, right = _list(value, scope, where, 2)
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return bool(left == right)
    return text_of(left, where) == text_of(right, where)


def _conditions(value: Json, scope: Scope, where: str, least: int, most: int) -> list[bool]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise TemplateError(f"takes {least} to {most} conditions", where=where)
    return [resolve_condition(item, scope, f"{where}/{i}") for i, item in enumerate(value)]


FUNCTIONS: Mapping[str, Function] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
    "Fn::GetStackOutput": _get_stack_output,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _get_azs,
    "Fn::ToJsonString": _to_json_string,
    "Fn::Length": _length,
    "Fn::Transform": _unsupported_transform,
}

CONDITION_FUNCTIONS: Mapping[str, Callable[[Json, Scope, str], bool]] = {
    "Condition": _condition,
    "Fn::Equals": _equals,
    "Fn::And": lambda value, scope, where: all(_conditions(value, scope, where, 2, 10)),
    "Fn::Or": lambda value, scope, where: any(_conditions(value, scope, where, 2, 10)),
    "Fn::Not": lambda value, scope, where: not _conditions(value, scope, where, 1, 1)[0],
}
