"""What is set of a table beside its definition: expiry, backups, tags, resource policies.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.errors import invalid, missing
from sfnlocal.services.dynamodb.registry import TableRegistry
from sfnlocal.services.dynamodb.table import Policy, Table

_RECOVERY_DAYS = 35


class SettingOperations:
    def __init__(self, tables: TableRegistry) -> None:
        self._tables = tables
        self.operations = {
            "UpdateTimeToLive": self.update_time_to_live,
            "DescribeTimeToLive": self.describe_time_to_live,
            "UpdateContinuousBackups": self.update_continuous_backups,
            "DescribeContinuousBackups": self.describe_continuous_backups,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsOfResource": self.list_tags_of_resource,
            "PutResourcePolicy": self.put_resource_policy,
            "GetResourcePolicy": self.get_resource_policy,
            "DeleteResourcePolicy": self.delete_resource_policy,
        }

    # Expiry

    def update_time_to_live(self, params: dict[str, Json]) -> dict[str, Json]:
        table = self._tables.describe(params)
        given = params.get("TimeToLiveSpecification")
        if given is None:
            raise missing("TimeToLiveSpecification")
        enabled, name = bool(given.get("Enabled")), given.get("AttributeName")
        if not name:
            raise missing("TimeToLiveSpecification.AttributeName")
        if enabled == (table.expiry is not None):
            raise invalid(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        if table.expiry is not None and name != table.expiry.attribute:
            raise invalid(
                "TimeToLive is active on a different AttributeName: current AttributeName is "
                + table.expiry.attribute
            )
        table.expire_by(name if enabled else None)
        return {"TimeToLiveSpecification": dict(given)}

    def describe_time_to_live(self, params: dict[str, Json]) -> dict[str, Json]:
        expiry = self._tables.describe(params).expiry
        shown = {"TimeToLiveStatus": "DISABLED"}
        if expiry is not None:
            shown = {"TimeToLiveStatus": "ENABLED", "AttributeName": expiry.attribute}
        return {"TimeToLiveDescription": shown}

    # Backups

    def update_continuous_backups(self, params: dict[str, Json]) -> dict[str, Json]:
        table = self._backed_up(params)
        given = params.get("PointInTimeRecoverySpecification")
        if given is None:
            raise missing("PointInTimeRecoverySpecification")
        table.recovery = {}
        if given.get("PointInTimeRecoveryEnabled"):
            table.recovery = {
                "RecoveryPeriodInDays": given.get("RecoveryPeriodInDays") or _RECOVERY_DAYS,
                "EarliestRestorableDateTime": self._tables.now_ms / 1000,
            }
        return self._backups(table)

    def describe_continuous_backups(self, params: dict[str, Json]) -> dict[str, Json]:
        return self._backups(self._backed_up(params))

    def _backed_up(self, params: Mapping[str, Json]) -> Table:
        name = params.get("TableName")
        if name is None:
            raise missing("TableName")
        table = self._tables.get(name)
        if table is None:
            raise ApiError("TableNotFoundException", f"Table not found: {name}")
        return table

    def _backups(self, table: Table) -> dict[str, Json]:
        recovery: dict[str, Json] = {"PointInTimeRecoveryStatus": "DISABLED"}
        if table.recovery:
            now = self._tables.now_ms / 1000
            recovery = {
                "PointInTimeRecoveryStatus": "ENABLED",
                **table.recovery,
                "LatestRestorableDateTime": now,
            }
        return {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": recovery,
            }
        }

    # Tags

    def tag_resource(self, params: dict[str, Json]) -> dict[str, Json]:
        tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or []}
        self._resource(params).tags.update(tags)
        return {}

    def untag_resource(self, params: dict[str, Json]) -> dict[str, Json]:
        table = self._resource(params)
        for key in params.get("TagKeys") or []:
            table.tags.pop(key, None)
        return {}

    def list_tags_of_resource(self, params: dict[str, Json]) -> dict[str, Json]:
        tags = self._resource(params).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _resource(self, params: Mapping[str, Json]) -> Table:
        arn: str | None = params.get("ResourceArn")
        if arn is None:
            raise missing("ResourceArn")
        table = self._tables.get(arn.partition("/index/")[0].partition("/stream/")[0])
        if table is None:
            raise ApiError(
                "ResourceNotFoundException",
                f"Requested resource not found: ResourcArn: {arn} not found",
            )
        return table

    # Resource policies: kept, and not enforced here

    def put_resource_policy(self, params: dict[str, Json]) -> dict[str, Json]:
        table = self._resource(params)
        if params.get("Policy") is None:
            raise missing("Policy")
        revision = str(self._tables.rng.getrandbits(40))
        table.policies[params["ResourceArn"]] = Policy(params["Policy"], revision)
        return {"RevisionId": revision}

    def get_resource_policy(self, params: dict[str, Json]) -> dict[str, Json]:
        policy = self._resource(params).policies.get(params["ResourceArn"])
        if policy is None:
            raise ApiError(
                "PolicyNotFoundException",
                "Resource-based policy not found for the provided ResourceArn: "
                f"{params['ResourceArn']}",
            )
        return {"Policy": policy.text, "RevisionId": policy.revision}

    def delete_resource_policy(self, params: dict[str, Json]) -> dict[str, Json]:
        self._resource(params).policies.pop(params["ResourceArn"], None)
        return {}
