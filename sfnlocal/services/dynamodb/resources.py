"""AWS::DynamoDB::Table and GlobalTable: their properties as parameters, and the app's tables.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError, InputError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Resource

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

TABLE_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
# What CreateTable takes as it is.
_TAKEN = (
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "TableClass",
    "Tags",
)
_OF_A_REPLICA = (
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "TableClass",
    "Tags",
)


def create_tables(app: App, aws: Aws) -> None:
    """Raises InputError for a table that AWS would not create."""
    tables = app.derived(_checked)
    if tables:
        aws.tables.deploy({one.name: partial(_create, aws, one) for one in tables})


def _checked(app: App) -> tuple[Resource, ...]:
    """Created once, to see what AWS would say."""
    from sfnlocal.services.aws import Aws

    aws, resources = Aws(app, now_ms=0), app.of_type(*TABLE_TYPES)
    for resource in resources:
        _create(aws, resource)
    return resources


def _create(aws: Aws, resource: Resource) -> None:
    properties = dict(resource.properties)
    if resource.type == TABLE_TYPES[1]:
        properties = _of_replica(properties, aws.app.region)
    name = {"TableName": resource.name}
    _call(aws, resource, "CreateTable", {**name, **_parameters(properties)})
    expiry = properties.get("TimeToLiveSpecification")
    if expiry and _true(expiry.get("Enabled")):
        specification = {**expiry, "Enabled": True}
        _call(aws, resource, "UpdateTimeToLive", {**name, "TimeToLiveSpecification": specification})
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery and _true(recovery.get("PointInTimeRecoveryEnabled")):
        specification = _typed({**recovery, "PointInTimeRecoveryEnabled": True})
        params = {**name, "PointInTimeRecoverySpecification": specification}
        _call(aws, resource, "UpdateContinuousBackups", params)


def _parameters(properties: Mapping[str, Json]) -> dict[str, Json]:
    params = {name: _typed(properties[name]) for name in _TAKEN if name in properties}
    stream = properties.get("StreamSpecification")
    if stream:
        params["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": stream.get("StreamViewType"),
        }
    encryption = properties.get("SSESpecification")
    if encryption:
        params["SSESpecification"] = {**encryption, "Enabled": _true(encryption.get("SSEEnabled"))}
    policy = properties.get("ResourcePolicy")
    if policy:
        params["ResourcePolicy"] = json_text(policy["PolicyDocument"])
    params["Tags"] = [
        {"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags", [])
    ]
    return params


def _of_replica(properties: dict[str, Json], region: str) -> dict[str, Json]:
    """Its replica in the app's region; the encryption of all replicas is not this one's."""
    properties.pop("SSESpecification", None)
    replicas: list[dict[str, Json]] = properties.get("Replicas", [])
    replica = next((one for one in replicas if one["Region"] == region), {})
    properties.update({name: replica[name] for name in _OF_A_REPLICA if name in replica})
    capacity = "ReadCapacityUnits", "WriteCapacityUnits"
    if properties.get("BillingMode", "PROVISIONED") == "PROVISIONED":
        # Global tables scale: what they begin with is nobody's business here.
        properties["ProvisionedThroughput"] = dict.fromkeys(capacity, 1)
    return properties


def _typed(value: Json) -> Json:
    """Templates often write texts where the API takes numbers or booleans."""
    match value:
        case dict():
            return {name: _scalar(name, _typed(one)) for name, one in value.items()}
        case list():
            return [_typed(one) for one in value]
    return _true(value) if value in ("true", "false") else value


def _scalar(name: str, value: Json) -> Json:
    counted = name.endswith(("Units", "InDays"))
    return int(value) if counted and isinstance(value, str) else value


def _true(value: Json) -> bool:
    return value is True or value == "true"


def _call(aws: Aws, resource: Resource, operation: str, params: dict[str, Json]) -> None:
    try:
        aws.tables.answer(operation, params)
    except ApiError as error:
        raise InputError(
            f"DynamoDB refuses this table: {error.message}",
            where=resource.where,
            hint="correct the table's properties in the stack",
        ) from error
