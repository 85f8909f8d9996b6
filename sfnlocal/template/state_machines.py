"""State machines of a stack: the definition from wherever the template keeps it, as JSON.

DefinitionString (text, which the CDK joins from parts), Definition (an object) or
DefinitionS3Location (an asset); `${Name}` in any of them is one of the DefinitionSubstitutions.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from sfnlocal.errors import AssemblyError, DefinitionError, NeedsAwsError, TemplateError
from sfnlocal.ports import Json
from sfnlocal.template.cloudformation import Stack
from sfnlocal.template.intrinsic_functions import text_of
from sfnlocal.template.properties import known_text
from sfnlocal.template.resources import Resource, StateMachine
from sfnlocal.template.yaml_templates import YAML_SUFFIXES, parse_yaml

_SUBSTITUTION = re.compile(r"\$\{([\w.:-]+)\}")


def state_machine(stack: Stack, resource: Resource) -> StateMachine:
    """Raises DefinitionError where the definition is no JSON, NeedsAwsError where a part of it
    is known in AWS only."""
    properties = resource.properties
    return StateMachine(
        resource=resource,
        name=stack.name_of(resource.logical_id),
        arn=resource.arn,
        type=str(properties.get("StateMachineType", "STANDARD")),
        role_arn=known_text(properties, "RoleArn"),
        definition=_definition(stack, resource),
    )


def parse_definition(text: str, where: str) -> Json:
    """Strict JSON: Python's own reading would let NaN pass."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise DefinitionError(f"the definition is not JSON: {error}", where=where) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _definition(stack: Stack, resource: Resource) -> Json:
    properties = resource.properties
    substitutions = properties.get("DefinitionSubstitutions") or {}
    if "DefinitionString" in properties:
        where = f"{resource.where}/Properties/DefinitionString"
        text = properties["DefinitionString"]
        if not isinstance(text, str):
            raise DefinitionError("DefinitionString must be a text", where=where)
        return parse_definition(_substituted(text, substitutions, where), where)
    if "Definition" in properties:
        definition = properties["Definition"]
        if not substitutions:
            return definition
        where = f"{resource.where}/Properties/Definition"
        return parse_definition(_substituted(json.dumps(definition), substitutions, where), where)
    where = f"{resource.where}/Properties/DefinitionS3Location"
    path, shown = _definition_file(stack, properties.get("DefinitionS3Location"), where)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{shown} cannot be read: {error}", where=where) from None
    text = _substituted(text, substitutions, where)
    if path.suffix in YAML_SUFFIXES:
        try:
            return parse_yaml(text, shown)
        except AssemblyError as error:
            raise DefinitionError(error.message, where=shown) from None
    return parse_definition(text, f"{where} ({shown})")


def _definition_file(stack: Stack, location: Json, where: str) -> tuple[Path, str]:
    """The file on this machine, and how messages name it."""
    if isinstance(location, str):
        return stack.source.file.parent / location, location
    if not isinstance(location, dict):
        raise DefinitionError(
            "the state machine has no Definition, DefinitionString or DefinitionS3Location",
            where=where.rpartition("/")[0],
        )
    bucket, key = location.get("Bucket"), str(location.get("Key"))
    asset = stack.source.find_asset(key)
    if asset is None or asset.path is None:
        raise NeedsAwsError(
            f"the definition is in s3://{bucket}/{key}, not on this machine",
            where=where,
            hint="let the CDK make it an asset: DefinitionBody.from_file(...)",
        )
    return asset.path, asset.path.name


def _substituted(text: str, substitutions: Mapping[str, Json], where: str) -> str:
    """As CloudFormation does it: in the text, so a substitution may stand for a number too."""
    if not substitutions:
        return text
    return _SUBSTITUTION.sub(
        lambda match: (
            text_of(substitutions[match[1]], where) if match[1] in substitutions else match[0]
        ),
        text,
    )
