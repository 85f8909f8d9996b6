"""Tables: created, described, changed, deleted; expiry, backups, tags, policies; from templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.services.aws import Aws
from sfnlocal.services.dynamodb.resources import create_tables
from sfnlocal.template.resources import App, Resource

from .conftest import ACCOUNT, NOW_MS, PAIRS, REGION, THINGS, Call, index

ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/things"
HOUR_MS = 3_600_000
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


def describe(call: Call, name: str = "things") -> dict[str, Any]:
    described: dict[str, Any] = call("DescribeTable", TableName=name)["Table"]
    return described


def test_a_table_is_described(call: Call) -> None:
    table = describe(call)
    del table["TableId"]
    assert table == {
        "TableName": "things",
        "TableArn": ARN,
        "TableStatus": "ACTIVE",
        "CreationDateTime": NOW_MS / 1000,
        "KeySchema": THINGS["KeySchema"],
        "AttributeDefinitions": THINGS["AttributeDefinitions"],
        "ItemCount": 0,
        "TableSizeBytes": 0,
        "BillingModeSummary": {
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": NOW_MS / 1000,
        },
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": 0,
            "WriteCapacityUnits": 0,
        },
        "DeletionProtectionEnabled": False,
        "WarmThroughput": {
            "ReadUnitsPerSecond": 12000,
            "WriteUnitsPerSecond": 4000,
            "Status": "ACTIVE",
        },
    }


def test_a_table_counts_its_items_and_bytes(call: Call) -> None:
    item = {"owner": {"S": "o"}, "at": {"N": "1"}, "kind": {"S": "k"}, "label": {"S": "l"}}
    call("PutItem", TableName="pairs", Item=item)
    table = describe(call, "pairs")
    assert (table["ItemCount"], table["TableSizeBytes"]) == (1, 6 + 4 + 5 + 6)
    counts = {
        one["IndexName"]: (one["ItemCount"], one["IndexSizeBytes"])
        for one in (*table["GlobalSecondaryIndexes"], *table["LocalSecondaryIndexes"])
    }
    assert counts == {
        "by-kind": (1, 21),
        "kinds-only": (1, 15),
        "with-label": (1, 21),
        "by-name": (0, 0),
    }


def test_tables_are_listed_in_pages(call: Call) -> None:
    page = call("ListTables", Limit=1)
    assert page == {"TableNames": ["pairs"], "LastEvaluatedTableName": "pairs"}
    rest = call("ListTables", ExclusiveStartTableName="pairs")
    assert rest == {"TableNames": ["things"]}


def test_a_deleted_table_is_gone_and_may_come_again(call: Call) -> None:
    call("PutItem", TableName="things", Item={"id": {"S": "a"}})
    deleted = call("DeleteTable", TableName="things")["TableDescription"]
    assert deleted["TableStatus"] == "DELETING"
    with pytest.raises(ApiError) as gone:
        call("Scan", TableName="things")
    assert gone.value.aws_code == "ResourceNotFoundException"
    created = call("CreateTable", **THINGS)["TableDescription"]
    assert created["TableStatus"] == "CREATING"
    assert call("Scan", TableName="things")["Count"] == 0


def test_a_protected_table_stays(call: Call) -> None:
    call("UpdateTable", TableName="things", DeletionProtectionEnabled=True)
    with pytest.raises(ApiError, match="protected against deletion"):
        call("DeleteTable", TableName="things")
    call("UpdateTable", TableName="things", DeletionProtectionEnabled=False)
    call("DeleteTable", TableName="things")


def test_a_new_index_has_the_items_that_are_there(call: Call) -> None:
    call("PutItem", TableName="things", Item={"id": {"S": "a"}, "kind": {"S": "k"}})
    call("PutItem", TableName="things", Item={"id": {"S": "b"}})
    call(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "kind", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index("by-kind", "kind", None, "ALL")}],
    )
    assert call("Scan", TableName="things", IndexName="by-kind")["Count"] == 1
    names = {one["AttributeName"] for one in describe(call)["AttributeDefinitions"]}
    assert names == {"id", "kind"}
    update = [{"Delete": {"IndexName": "by-kind"}}]
    call("UpdateTable", TableName="things", GlobalSecondaryIndexUpdates=update)
    table = describe(call)
    assert "GlobalSecondaryIndexes" not in table
    assert table["AttributeDefinitions"] == THINGS["AttributeDefinitions"]


def test_a_table_changes_how_it_is_billed(call: Call) -> None:
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    call(
        "UpdateTable",
        TableName="things",
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units,
    )
    table = describe(call)
    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert table["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **units}
    with pytest.raises(ApiError, match="Neither ReadCapacityUnits nor"):
        call(
            "UpdateTable",
            TableName="things",
            BillingMode="PAY_PER_REQUEST",
            ProvisionedThroughput=units,
        )


def test_a_stream_has_an_arn(call: Call) -> None:
    call("UpdateTable", TableName="things", StreamSpecification=STREAM)
    table = describe(call)
    assert table["StreamSpecification"] == STREAM
    assert table["LatestStreamArn"] == f"{ARN}/stream/{table['LatestStreamLabel']}"
    assert table["LatestStreamLabel"] == "2026-01-01T00:00:00.000"
    with pytest.raises(ApiError, match="already has an enabled stream: TableName: things"):
        call("UpdateTable", TableName="things", StreamSpecification=STREAM)


def test_an_update_of_nothing_and_replicas_are_refused(call: Call) -> None:
    with pytest.raises(ApiError, match="At least one of ProvisionedThroughput"):
        call("UpdateTable", TableName="things")
    with pytest.raises(UnsupportedError, match="ReplicaUpdates"):
        call("UpdateTable", TableName="things", ReplicaUpdates=[{}])


# Expiry


def expiring(call: Call) -> list[str]:
    return sorted(item["id"]["S"] for item in call("Scan", TableName="things")["Items"])


def live(call: Call, *, enabled: bool = True) -> None:
    specification = {"AttributeName": "until", "Enabled": enabled}
    call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=specification)


def put(call: Call, name: str, until: dict[str, str]) -> None:
    call("PutItem", TableName="things", Item={"id": {"S": name}, "until": until})


def in_hours(hours: int) -> dict[str, str]:
    return {"N": str((NOW_MS + hours * HOUR_MS) // 1000)}


def test_an_expired_item_is_there_for_two_days_more(aws: Aws, call: Call) -> None:
    put(call, "before", in_hours(1))
    live(call)
    put(call, "after", in_hours(1))
    put(call, "later", in_hours(2))
    aws.move_to(NOW_MS + 49 * HOUR_MS - 1000)
    assert expiring(call) == ["after", "before", "later"]
    aws.move_to(NOW_MS + 49 * HOUR_MS)
    assert expiring(call) == ["later"]


def test_an_item_that_was_renewed_stays(aws: Aws, call: Call) -> None:
    live(call)
    put(call, "a", in_hours(1))
    put(call, "a", in_hours(5))
    aws.move_to(NOW_MS + 49 * HOUR_MS)
    assert expiring(call) == ["a"]
    aws.move_to(NOW_MS + 53 * HOUR_MS)
    assert expiring(call) == []


def test_only_numbers_of_the_last_five_years_expire(aws: Aws, call: Call) -> None:
    live(call)
    put(call, "text", {"S": in_hours(1)["N"]})
    put(call, "milliseconds", {"N": str(NOW_MS)})
    put(call, "long-ago", in_hours(-6 * 365 * 24))
    aws.move_to(NOW_MS + 1000 * HOUR_MS)
    assert expiring(call) == ["long-ago", "milliseconds", "text"]


def test_nothing_expires_where_expiry_is_disabled(aws: Aws, call: Call) -> None:
    live(call)
    put(call, "a", in_hours(1))
    live(call, enabled=False)
    aws.move_to(NOW_MS + 1000 * HOUR_MS)
    assert expiring(call) == ["a"]
    shown = call("DescribeTimeToLive", TableName="things")
    assert shown == {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    with pytest.raises(ApiError, match="TimeToLive is already disabled"):
        live(call, enabled=False)


# Other settings


def test_tags_are_set_and_taken_away(call: Call) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    call("TagResource", ResourceArn=ARN, Tags=tags)
    call("UntagResource", ResourceArn=ARN, TagKeys=["a"])
    assert call("ListTagsOfResource", ResourceArn=ARN) == {"Tags": tags[1:]}
    with pytest.raises(ApiError, match="not found"):
        call("ListTagsOfResource", ResourceArn=f"{ARN}s")


def test_a_policy_is_kept_with_its_revision(call: Call) -> None:
    with pytest.raises(ApiError) as absent:
        call("GetResourcePolicy", ResourceArn=ARN)
    assert absent.value.aws_code == "PolicyNotFoundException"
    first = call("PutResourcePolicy", ResourceArn=ARN, Policy="{}")["RevisionId"]
    second = call("PutResourcePolicy", ResourceArn=ARN, Policy="[]")["RevisionId"]
    assert first != second
    found = call("GetResourcePolicy", ResourceArn=ARN)
    assert found == {"Policy": "[]", "RevisionId": second}
    call("DeleteResourcePolicy", ResourceArn=ARN)
    with pytest.raises(ApiError):
        call("GetResourcePolicy", ResourceArn=ARN)


def test_backups_are_continuous_where_that_is_asked_for(call: Call) -> None:
    def status() -> dict[str, Any]:
        answer = call("DescribeContinuousBackups", TableName="things")
        described = answer["ContinuousBackupsDescription"]
        found: dict[str, Any] = described["PointInTimeRecoveryDescription"]
        return found

    assert status() == {"PointInTimeRecoveryStatus": "DISABLED"}
    specification = {"PointInTimeRecoveryEnabled": True}
    params = {"TableName": "things", "PointInTimeRecoverySpecification": specification}
    call("UpdateContinuousBackups", **params)
    assert status()["PointInTimeRecoveryStatus"] == "ENABLED"
    with pytest.raises(ApiError) as absent:
        call("DescribeContinuousBackups", TableName="none")
    assert absent.value.aws_code == "TableNotFoundException"


def test_ids_are_the_same_in_every_run(aws: Aws) -> None:
    def table_id(seed: int) -> str:
        made = Aws(aws.app, now_ms=NOW_MS, seed=seed)
        created = made.call("dynamodb", "CreateTable", dict(THINGS))
        return str(created["TableDescription"]["TableId"])

    assert table_id(1) == table_id(1) != table_id(2)


# Templates


def of_template(**properties: Any) -> Aws:
    where = "stack.json#/Resources/Things"
    type_ = "AWS::DynamoDB::Table"
    resource = Resource("stack", "Things", type_, "stack/Things", "things", ARN, properties, where)
    app = App(Path(), "aws", REGION, ACCOUNT, (resource,), (), (), {})
    aws = Aws(app, now_ms=NOW_MS)
    create_tables(app, aws)
    return aws


def test_templates_may_write_numbers_and_booleans_as_texts() -> None:
    keys = {name: THINGS[name] for name in ("KeySchema", "AttributeDefinitions")}
    aws = of_template(
        **keys,
        ProvisionedThroughput={"ReadCapacityUnits": "5", "WriteCapacityUnits": "6"},
        DeletionProtectionEnabled="true",
        TimeToLiveSpecification={"AttributeName": "until", "Enabled": "true"},
    )
    table = aws.call("dynamodb", "DescribeTable", {"TableName": "things"})["Table"]
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 6
    assert table["DeletionProtectionEnabled"] is True


def test_a_table_that_aws_would_not_create_is_the_stacks_mistake() -> None:
    with pytest.raises(InputError) as refused:
        of_template(KeySchema=PAIRS["KeySchema"], AttributeDefinitions=[])
    assert refused.value.where == "stack.json#/Resources/Things"
    assert "Some index key attributes are not defined" in refused.value.message
