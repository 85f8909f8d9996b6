"""The AWS SDK integrations' view of botocore's service models.

Strategy: Step Functions calls services through the AWS SDK for Java 2.x and writes its names:
services (`sfn`), members (`DbClusters`) and exceptions (`DynamoDb.ResourceNotFoundException`).
Arguments are walked with the operation's input shape, which gives botocore's parameters or the
mistakes in Step Functions' words; responses are walked with the output shape.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeAlias

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json

# Services whose name in a Resource is not botocore's without its hyphens.
CLIENT_NAMES: Mapping[str, str] = {
    "applicationdiscovery": "discovery",
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "configservice": "config",
    "costandusagereport": "cur",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticsearch": "es",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "opensearchservice": "opensearch",
    "serverlessapplicationrepository": "serverlessrepo",
    "sfn": "stepfunctions",
}

# Text members that hold JSON: a value that is no text is sent as its JSON text.
JSON_MEMBERS = frozenset(
    {
        ("StartExecutionInput", "input"),
        ("StartSyncExecutionInput", "input"),
        ("SendTaskSuccessInput", "output"),
        ("SendMessageRequest", "MessageBody"),
        ("PublishInput", "Message"),
        ("PutEventsRequestEntry", "Detail"),
    }
)

# What the Java SDK does not call by rule: NULL is no name that Java likes.
_RENAMED = {"NULL": "Nul"}

NameRule: TypeAlias = Callable[[str], str]


def client_name(service: str, available: list[str]) -> str | None:
    """The boto3 client of a service as it stands in `aws-sdk:service:action`."""
    name = CLIENT_NAMES.get(service, service)
    if name in available:
        return name
    return next((known for known in available if known.replace("-", "") == name), None)


def member_name(name: str) -> str:
    """A member as the Java SDK's getters name it, in PascalCase: DBClusters -> DbClusters."""
    if name in _RENAMED:
        return _RENAMED[name]
    end = 1
    while (
        end < len(name)
        and name[end].isupper()
        and not (end + 1 < len(name) and name[end + 1].islower())
    ):
        end += 1
    return name[:1].upper() + name[1:end].lower() + name[end:]


def api_name(name: str) -> str:
    """A member as the optimized integrations name it: the API's name, in PascalCase."""
    return name[:1].upper() + name[1:]


@cache
def class_name(text: str) -> str:
    """A service or error as the Java SDK names its classes: DynamoDB -> DynamoDb."""
    text = re.sub(r"[^A-Za-z0-9]+", " ", text)
    text = re.sub(r"([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", text)
    text = re.sub(r"([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", text)
    return "".join(word[:1].upper() + word[1:].lower() for word in text.split())


def exception_name(shape_name: str) -> str:
    """The Java SDK's class for an error shape: NoSuchBucket -> NoSuchBucketException."""
    base = shape_name.removesuffix("Fault").removesuffix("Exception")
    return f"{class_name(base)}Exception"


def error_shape(operation: OperationModel, error: Mapping[str, Any]) -> str | None:
    """The modelled error that a ClientError's `Error` is, None where the service's model does
    not know it."""
    codes = {error.get("Code"), error.get("QueryErrorCode")} - {None}
    for shape in operation.service_model.error_shapes:
        if shape.name in codes or shape.metadata.get("error", {}).get("code") in codes:
            return shape.name
    return None


def not_supported(key: str) -> str:
    return f'The field "{key}" is not supported by Step Functions'


class Arguments:
    """Turns a state's arguments into botocore's parameters; `mistakes` says what AWS minds."""

    def __init__(self, name_rule: NameRule) -> None:
        self.mistakes: list[str] = []
        self._name_rule = name_rule

    def convert(self, arguments: Json, operation: OperationModel) -> dict[str, Any]:
        shape = operation.input_shape
        if not isinstance(arguments, dict):
            self.mistakes.append("The value for the Parameters field must be an object")
            return {}
        if shape is None:
            for name in arguments:
                self._unknown(name)
            return {}
        assert isinstance(shape, StructureShape)
        return self._structure(arguments, shape)

    def _structure(self, value: dict[str, Json], shape: StructureShape) -> dict[str, Any]:
        members = _members(shape, self._name_rule)
        converted: dict[str, Any] = {}
        for key, item in value.items():
            if key not in members:
                self._unknown(key)
                continue
            name, member = members[key]
            if item is None and name in shape.required_members and member.type_name == "string":
                # Recorded: null is sent as nothing, and the service minds.
                converted[name] = ""
            elif item is None:
                continue
            elif not isinstance(item, str) and (shape.name, name) in JSON_MEMBERS:
                converted[name] = json_text(item)
            else:
                converted[name] = self._value(key, item, member)
        for name in shape.required_members:
            if name not in converted:
                self.mistakes.append(
                    f"The field '{self._name_rule(name)}' is required but was missing"
                )
        return converted

    def _value(self, key: str, value: Json, shape: Shape) -> Any:
        if type(value) is str and shape.type_name == "string":
            # What most values are.
            return value
        match shape:
            case StructureShape() if isinstance(value, dict):
                return self._structure(value, shape)
            case ListShape() if isinstance(value, list):
                return [self._value(key, item, shape.member) for item in value]
            case MapShape() if isinstance(value, dict):
                return {name: self._value(name, item, shape.value) for name, item in value.items()}
            case StructureShape() | MapShape():
                self._wrong(key, "an object")
            case ListShape():
                self._wrong(key, "an array")
            case _:
                return self._scalar(key, value, shape.type_name)
        return None

    def _scalar(self, key: str, value: Json, type_name: str) -> Any:
        if type_name == "blob":
            # Text too is sent as JSON, in its quotes, as recorded for S3's Body.
            return json_text(value).encode()
        if type_name == "boolean":
            if not isinstance(value, bool):
                self._wrong(key, "a boolean")
        elif type_name in ("integer", "long"):
            if isinstance(value, bool) or not isinstance(value, int | float):
                self._wrong(key, "a number")
            elif int(value) == value:
                return int(value)
        elif type_name in ("float", "double"):
            if isinstance(value, bool) or not isinstance(value, int | float):
                self._wrong(key, "a number")
        elif not isinstance(value, str):
            self._wrong(key, "a string")
        return value

    def _unknown(self, key: str) -> None:
        self.mistakes.append(not_supported(key))

    def _wrong(self, key: str, expected: str) -> None:
        self.mistakes.append(f"The value for the field '{key}' must be {expected}")


@cache
def _members(shape: StructureShape, name_rule: NameRule) -> Mapping[str, tuple[str, Shape]]:
    """By the name that a state's arguments have. The models stay, and so do their shapes."""
    return {name_rule(name): (name, member) for name, member in shape.members.items()}


@cache
def _shown_members(shape: StructureShape, name_rule: NameRule) -> Mapping[str, tuple[str, Shape]]:
    """By the API's name, with the name that a task's result has."""
    return {name: (name_rule(name), member) for name, member in shape.members.items()}


def result(response: Mapping[str, Any], operation: OperationModel, name_rule: NameRule) -> Json:
    """The response as a task's result; what is not in the output shape (ResponseMetadata) falls
    away."""
    shape = operation.output_shape
    return {} if shape is None else _plain(response, shape, name_rule)


def _plain(value: Any, shape: Shape, name_rule: NameRule) -> Json:
    if type(value) is str:
        # What most values are.
        return value
    match shape:
        case StructureShape():
            members = _shown_members(shape, name_rule)
            return {
                members[name][0]: _plain(value[name], members[name][1], name_rule)
                for name in sorted(value.keys() & members.keys())
                if value[name] is not None
            }
        case ListShape():
            return [_plain(item, shape.member, name_rule) for item in value]
        case MapShape():
            return {key: _plain(item, shape.value, name_rule) for key, item in value.items()}
    if hasattr(value, "read"):
        value = value.read()
        return _text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if shape.type_name == "timestamp" and not isinstance(value, str):
        # Our own services give epoch seconds.
        is_time = isinstance(value, datetime)
        return instant(value if is_time else datetime.fromtimestamp(value, UTC))
    return value


def _text(value: bytes) -> str:
    """A stream's content: as text where it is text."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def instant(moment: datetime) -> str:
    """A time as the Java SDK writes it: milliseconds only where there are some."""
    moment = moment.astimezone(UTC)
    precision = "milliseconds" if moment.microsecond >= 1000 else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
