"""What CreateTable and UpdateTable say of a table, checked; and what DescribeTable shows of it.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.errors import choice, constraint, invalid, invalid_values, missing
from sfnlocal.services.dynamodb.indexes import Index, Scope
from sfnlocal.services.dynamodb.keys import KeySchema, key_schema
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Policy, Table

_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_NAME_CHARS = (3, 255)
_BILLING_MODES = ("PROVISIONED", "PAY_PER_REQUEST")
_ATTRIBUTE_TYPES = ("B", "N", "S")
_PROJECTIONS = ("ALL", "INCLUDE", "KEYS_ONLY")
_VIEW_TYPES = ("NEW_AND_OLD_IMAGES", "OLD_IMAGE", "NEW_IMAGE", "KEYS_ONLY")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_INDEXES_MAX: Mapping[Scope, int] = {"GLOBAL": 20, "LOCAL": 5}
_PARAMETERS: Mapping[Scope, str] = {
    "GLOBAL": "GlobalSecondaryIndexes",
    "LOCAL": "LocalSecondaryIndexes",
}
_ON_DEMAND = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}


def new_table(params: Mapping[str, Json], tables: TableRegistry) -> Table:
    """Raises ApiError."""
    name = _name(params)
    definitions: list[dict[str, str]] = params.get("AttributeDefinitions") or []
    types = attribute_types(definitions)
    keys = key_schema(params.get("KeySchema") or [], types)
    arn = tables.arn(name)
    on_demand = _billing(params)
    indexes: dict[str, Index] = {}
    for kind in _PARAMETERS:
        given = params.get(_PARAMETERS[kind]) or []
        if len(given) > _INDEXES_MAX[kind]:
            raise invalid_values(
                f"{kind.title()}SecondaryIndex count exceeds the per-table limit of "
                f"{_INDEXES_MAX[kind]}"
            )
        for settings in given:
            index = new_index(kind, settings, keys, types, arn, on_demand=on_demand)
            if index.name in indexes:
                raise invalid_values(f"Duplicate index name: {index.name}")
            indexes[index.name] = index
    _check_all_used(types, keys, indexes)
    now_ms = tables.now_ms
    settings = {
        "AttributeDefinitions": definitions,
        "TableId": tables.new_id(),
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            **(_ON_DEMAND if on_demand else params["ProvisionedThroughput"]),
        },
        "DeletionProtectionEnabled": bool(params.get("DeletionProtectionEnabled")),
        "WarmThroughput": {
            "ReadUnitsPerSecond": 12000,
            "WriteUnitsPerSecond": 4000,
            "Status": "ACTIVE",
        },
    }
    if on_demand:
        settings["BillingModeSummary"] = {
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": now_ms / 1000,
        }
    if params.get("TableClass"):
        settings["TableClassSummary"] = {"TableClass": params["TableClass"]}
    if params.get("OnDemandThroughput"):
        settings["OnDemandThroughput"] = params["OnDemandThroughput"]
    table = Table(name, arn, keys, indexes, settings, now_ms)
    set_stream(table, params.get("StreamSpecification"), now_ms)
    set_encryption(table, params.get("SSESpecification"), tables)
    table.tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or []}
    if params.get("ResourcePolicy"):
        revision = str(tables.rng.getrandbits(40))
        table.policies[arn] = Policy(params["ResourcePolicy"], revision)
    return table


def _name(params: Mapping[str, Json]) -> str:
    name: str | None = params.get("TableName")
    if name is None:
        raise missing("TableName")
    name = name.rpartition(":table/")[2]
    if not _NAME_CHARS[0] <= len(name) <= _NAME_CHARS[1]:
        raise invalid(
            f"TableName must be at least {_NAME_CHARS[0]} characters long and at most "
            f"{_NAME_CHARS[1]} characters long"
        )
    if not _NAME.fullmatch(name):
        raise constraint("tableName", name, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
    return name


def attribute_types(definitions: list[dict[str, str]]) -> dict[str, str]:
    types: dict[str, str] = {}
    for definition in definitions:
        kind = definition.get("AttributeType")
        if kind not in _ATTRIBUTE_TYPES:
            raise choice("attributeDefinitions.1.member.attributeType", kind, _ATTRIBUTE_TYPES)
        types[definition["AttributeName"]] = kind
    return types


def _billing(params: Mapping[str, Json]) -> bool:
    """Whether the table is on demand."""
    mode = params.get("BillingMode") or "PROVISIONED"
    if mode not in _BILLING_MODES:
        raise choice("billingMode", mode, _BILLING_MODES)
    throughput = params.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if throughput and any(throughput.values()):
            raise invalid_values(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
        return True
    if not throughput or len(throughput) < 2:
        raise invalid_values(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            "PROVISIONED"
        )
    for name, units in throughput.items():
        if units < 1:
            place = f"provisionedThroughput.{name[:1].lower()}{name[1:]}"
            raise constraint(place, units, "have value greater than or equal to 1")
    return False


def new_index(
    kind: Scope,
    given: Mapping[str, Json],
    table_keys: KeySchema,
    types: Mapping[str, str],
    table_arn: str,
    *,
    on_demand: bool,
) -> Index:
    """Raises ApiError."""
    name = given["IndexName"]
    keys = key_schema(given.get("KeySchema") or [], types)
    if kind == "LOCAL":
        _check_local(name, keys, table_keys)
    projection = dict(given.get("Projection") or {})
    if not projection.get("ProjectionType"):
        raise invalid_values("Unknown ProjectionType: null")
    if projection["ProjectionType"] not in _PROJECTIONS:
        raise choice("projection.projectionType", projection["ProjectionType"], _PROJECTIONS)
    if (projection["ProjectionType"] == "INCLUDE") != bool(projection.get("NonKeyAttributes")):
        if projection["ProjectionType"] == "INCLUDE":
            raise invalid_values(
                "NonKeyAttributes must be specified when ProjectionType is INCLUDE"
            )
        raise invalid_values(
            f"ProjectionType is {projection['ProjectionType']}, but NonKeyAttributes is specified"
        )
    settings: dict[str, Json] = {
        "IndexName": name,
        "KeySchema": given["KeySchema"],
        "Projection": projection,
        "IndexArn": f"{table_arn}/index/{name}",
    }
    if kind == "GLOBAL":
        throughput = {} if on_demand else given.get("ProvisionedThroughput") or {}
        settings["IndexStatus"] = "ACTIVE"
        settings["ProvisionedThroughput"] = {
            "NumberOfDecreasesToday": 0,
            **_ON_DEMAND,
            **throughput,
        }
    return Index(name, kind, keys, table_keys, settings)


def _check_local(name: str, keys: KeySchema, table_keys: KeySchema) -> None:
    if table_keys.sort is None:
        raise invalid_values(
            "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex"
        )
    if keys.sort is None:
        raise invalid_values(f"Index KeySchema does not have a range key for index: {name}")
    if keys.partition != table_keys.partition:
        raise invalid_values(
            "Index KeySchema does not have the same leading hash key as table KeySchema for "
            f"index: {name}. index hash key: {keys.partition}, table hash key: "
            f"{table_keys.partition}"
        )


def _check_all_used(
    types: Mapping[str, str], keys: KeySchema, indexes: Mapping[str, Index]
) -> None:
    used = {*keys.names, *(name for index in indexes.values() for name in index.keys.names)}
    if types.keys() == used:
        return
    if not indexes:
        raise invalid_values(
            "Number of attributes in KeySchema does not exactly match number of attributes defined "
            "in AttributeDefinitions"
        )
    raise invalid_values(
        "Some AttributeDefinitions are not used. AttributeDefinitions: "
        f"[{', '.join(types)}], keys used: [{', '.join(sorted(used))}]"
    )


def set_stream(table: Table, given: Mapping[str, Json] | None, now_ms: int) -> None:
    """The stream has an ARN, and nothing reads it."""
    if given is None:
        return
    if not given.get("StreamEnabled"):
        table.settings.pop("StreamSpecification", None)
        return
    view_type = given.get("StreamViewType")
    if view_type not in _VIEW_TYPES:
        raise choice("streamSpecification.streamViewType", view_type, _VIEW_TYPES)
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    label = moment.isoformat(timespec="milliseconds").removesuffix("+00:00")
    table.settings["StreamSpecification"] = dict(given)
    table.settings["LatestStreamLabel"] = label
    table.settings["LatestStreamArn"] = f"{table.arn}/stream/{label}"


def set_encryption(table: Table, given: Mapping[str, Json] | None, tables: TableRegistry) -> None:
    if given is None:
        return
    if not given.get("Enabled"):
        table.settings.pop("SSEDescription", None)
        return
    key = given.get("KMSMasterKeyId") or "alias/aws/dynamodb"
    if not key.startswith("arn:"):
        prefix = table.arn.rpartition(":dynamodb:")[0]
        place = ":".join(table.arn.split(":")[3:5])
        kind = "" if key.startswith("alias/") else "key/"
        key = f"{prefix}:kms:{place}:{kind}{key}"
    table.settings["SSEDescription"] = {
        "Status": "ENABLED",
        "SSEType": given.get("SSEType") or "KMS",
        "KMSMasterKeyArn": key,
    }


def description(table: Table, status: str = "ACTIVE") -> dict[str, Json]:
    """What DescribeTable answers."""
    shown: dict[str, Json] = {
        "TableName": table.name,
        "TableArn": table.arn,
        "TableStatus": status,
        "CreationDateTime": table.created_ms / 1000,
        "KeySchema": _schema(table.keys),
        "ItemCount": len(table.items),
        "TableSizeBytes": table.size_bytes,
        **table.settings,
    }
    for kind, parameter in _PARAMETERS.items():
        indexes = [_index(one) for one in table.indexes.values() if one.kind == kind]
        if indexes:
            shown[parameter] = indexes
    return shown


def _schema(keys: KeySchema) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(keys.names, kinds, strict=False)
    ]


def _index(index: Index) -> dict[str, Json]:
    size_bytes = sum(index.projected(stored).size_bytes for stored in index.entries)
    return {**index.settings, "ItemCount": len(index.entries), "IndexSizeBytes": size_bytes}


def in_use(name: str) -> ApiError:
    return ApiError("ResourceInUseException", f"Table already exists: {name}")
