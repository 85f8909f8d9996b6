"""Creating, changing, describing and deleting tables.

A table is active as soon as the answer says that it is being created.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.definitions import (
    attribute_types,
    description,
    in_use,
    new_index,
    new_table,
    set_encryption,
    set_stream,
)
from sfnlocal.services.dynamodb.errors import constraint, invalid, invalid_values
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Table

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html
_NAMES_MAX = 100
_UNITS_MAX = 40_000


class TableOperations:
    def __init__(self, aws: Aws, tables: TableRegistry) -> None:
        self._aws = aws
        self._tables = tables
        self.operations = {
            "CreateTable": self.create_table,
            "DescribeTable": self.describe_table,
            "UpdateTable": self.update_table,
            "DeleteTable": self.delete_table,
            "ListTables": self.list_tables,
            "DescribeLimits": self.describe_limits,
            "DescribeEndpoints": self.describe_endpoints,
        }

    def create_table(self, params: dict[str, Json]) -> dict[str, Json]:
        table = new_table(params, self._tables)
        if self._tables.get(table.name) is not None:
            raise in_use(table.name)
        self._tables.add(table)
        return {"TableDescription": description(table, "CREATING")}

    def describe_table(self, params: dict[str, Json]) -> dict[str, Json]:
        return {"Table": description(self._tables.describe(params))}

    def delete_table(self, params: dict[str, Json]) -> dict[str, Json]:
        table = self._tables.describe(params)
        if table.settings["DeletionProtectionEnabled"]:
            raise invalid(
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first."
            )
        self._tables.remove(table)
        return {"TableDescription": description(table, "DELETING")}

    def list_tables(self, params: dict[str, Json]) -> dict[str, Json]:
        limit = params.get("Limit") or _NAMES_MAX
        if not 1 <= limit <= _NAMES_MAX:
            raise constraint("limit", limit, f"have value less than or equal to {_NAMES_MAX}")
        start = params.get("ExclusiveStartTableName") or ""
        names = [name for name in self._tables.names if name > start]
        answer: dict[str, Json] = {"TableNames": names[:limit]}
        if len(names) > limit:
            answer["LastEvaluatedTableName"] = names[limit - 1]
        return answer

    def update_table(self, params: dict[str, Json]) -> dict[str, Json]:
        table = self._tables.describe(params)
        changes = [name for name in _CHANGES if params.get(name) is not None]
        if params.get("ReplicaUpdates"):
            raise UnsupportedError(
                "dynamodb:UpdateTable with ReplicaUpdates is not simulated",
                hint="a table is there in the app's own region only",
            )
        if not changes:
            raise invalid(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
                "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
            )
        for name in changes:
            _CHANGES[name](self, table, params)
        return {"TableDescription": description(table, "UPDATING")}

    def _bill(self, table: Table, params: Mapping[str, Json]) -> None:
        mode, throughput = params.get("BillingMode"), params.get("ProvisionedThroughput")
        if mode == "PAY_PER_REQUEST":
            if throughput is not None:
                raise invalid_values(
                    "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                    "BillingMode is PAY_PER_REQUEST"
                )
            table.settings["BillingModeSummary"] = {
                "BillingMode": mode,
                "LastUpdateToPayPerRequestDateTime": self._tables.now_ms / 1000,
            }
            throughput = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
        elif throughput is None:
            raise invalid_values(
                "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
            )
        elif mode is not None:
            table.settings.setdefault("BillingModeSummary", {})["BillingMode"] = mode
        elif table.settings.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
            raise invalid_values(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
        table.settings["ProvisionedThroughput"] = {"NumberOfDecreasesToday": 0, **throughput}

    def _protect(self, table: Table, params: Mapping[str, Json]) -> None:
        table.settings["DeletionProtectionEnabled"] = params["DeletionProtectionEnabled"]

    def _stream(self, table: Table, params: Mapping[str, Json]) -> None:
        given = params["StreamSpecification"]
        if bool(given.get("StreamEnabled")) == ("StreamSpecification" in table.settings):
            state = "already has an enabled" if given.get("StreamEnabled") else "has no"
            raise invalid(f"Table {state} stream: TableName: {table.name}")
        set_stream(table, given, self._tables.now_ms)

    def _encrypt(self, table: Table, params: Mapping[str, Json]) -> None:
        set_encryption(table, params["SSESpecification"], self._tables)

    def _classify(self, table: Table, params: Mapping[str, Json]) -> None:
        table.settings["TableClassSummary"] = {"TableClass": params["TableClass"]}

    def _limit(self, table: Table, params: Mapping[str, Json]) -> None:
        table.settings["OnDemandThroughput"] = params["OnDemandThroughput"]

    def _index(self, table: Table, params: Mapping[str, Json]) -> None:
        definitions = {
            one["AttributeName"]: one
            for one in (
                *table.settings["AttributeDefinitions"],
                *(params.get("AttributeDefinitions") or ()),
            )
        }
        types = attribute_types(list(definitions.values()))
        summary = table.settings.get("BillingModeSummary", {})
        for update in params["GlobalSecondaryIndexUpdates"]:
            for action, given in update.items():
                name = given["IndexName"]
                if action == "Create":
                    if name in table.indexes:
                        raise invalid("Attempting to create an index which already exists")
                    on_demand = summary.get("BillingMode") == "PAY_PER_REQUEST"
                    index = new_index(
                        "GLOBAL", given, table.keys, types, table.arn, on_demand=on_demand
                    )
                    table.add_index(index)
                elif name not in table.indexes:
                    raise ApiError("ResourceNotFoundException", "Requested resource not found")
                elif action == "Delete":
                    del table.indexes[name]
                else:
                    throughput = given.get("ProvisionedThroughput") or {}
                    table.indexes[name].settings["ProvisionedThroughput"] |= throughput
        used = {
            *table.keys.names,
            *(name for index in table.indexes.values() for name in index.keys.names),
        }
        table.settings["AttributeDefinitions"] = [
            one for name, one in definitions.items() if name in used
        ]

    def describe_limits(self, params: dict[str, Json]) -> dict[str, Json]:
        return {
            "AccountMaxReadCapacityUnits": 2 * _UNITS_MAX,
            "AccountMaxWriteCapacityUnits": 2 * _UNITS_MAX,
            "TableMaxReadCapacityUnits": _UNITS_MAX,
            "TableMaxWriteCapacityUnits": _UNITS_MAX,
        }

    def describe_endpoints(self, params: dict[str, Json]) -> dict[str, Json]:
        app = self._aws.app
        domain = "amazonaws.com.cn" if app.partition == "aws-cn" else "amazonaws.com"
        address = f"dynamodb.{app.region}.{domain}"
        return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}


_CHANGES = {
    "BillingMode": TableOperations._bill,
    "ProvisionedThroughput": TableOperations._bill,
    "DeletionProtectionEnabled": TableOperations._protect,
    "StreamSpecification": TableOperations._stream,
    "SSESpecification": TableOperations._encrypt,
    "TableClass": TableOperations._classify,
    "OnDemandThroughput": TableOperations._limit,
    "GlobalSecondaryIndexUpdates": TableOperations._index,
}
