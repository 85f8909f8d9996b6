"""Writing and reading items: returned values, conditions that fail, copies, sizes, capacity."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.services.aws import Aws

from .conftest import Call

KEY = {"id": {"S": "a"}}


def put(call: Call, **attributes: Any) -> None:
    call("PutItem", TableName="things", Item={**KEY, **attributes})


def item(call: Call) -> Any:
    return call("GetItem", TableName="things", Key=KEY).get("Item")


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("007", "7"),
        ("1.50", "1.5"),
        ("-0.0", "0"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("+5", "5"),
        ("9" * 38, "9" * 38),
    ],
)
def test_numbers_are_kept_in_their_normal_form(written: str, stored: str, call: Call) -> None:
    put(call, n={"N": written})
    assert item(call)["n"] == {"N": stored}


def test_what_a_caller_does_to_an_item_is_its_own(call: Call) -> None:
    given: dict[str, Any] = {"M": {"list": {"L": [{"S": "x"}]}, "set": {"SS": ["a"]}}}
    put(call, m=given)
    given["M"]["list"]["L"].append({"S": "y"})
    found = item(call)
    found["m"]["M"]["set"]["SS"].append("b")
    assert item(call)["m"] == {"M": {"list": {"L": [{"S": "x"}]}, "set": {"SS": ["a"]}}}


def test_a_put_replaces_the_item_and_gives_the_old_one(call: Call) -> None:
    put(call, a={"N": "1"})
    params = {"TableName": "things", "Item": {**KEY, "b": {"N": "2"}}}
    answer = call("PutItem", **params, ReturnValues="ALL_OLD")
    assert answer == {"Attributes": {**KEY, "a": {"N": "1"}}}
    assert item(call) == {**KEY, "b": {"N": "2"}}


def test_a_delete_gives_the_old_item_and_may_be_repeated(call: Call) -> None:
    put(call, a={"N": "1"})
    params = {"TableName": "things", "Key": KEY, "ReturnValues": "ALL_OLD"}
    assert call("DeleteItem", **params) == {"Attributes": {**KEY, "a": {"N": "1"}}}
    assert call("DeleteItem", **params) == {}


def test_a_condition_that_fails_changes_nothing_and_may_show_the_item(call: Call) -> None:
    put(call, a={"N": "1"})
    params = {
        "TableName": "things",
        "Item": {**KEY, "b": {"N": "2"}},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    with pytest.raises(ApiError) as failed:
        call("PutItem", **params)
    assert failed.value.members == {}
    with pytest.raises(ApiError) as shown:
        call("PutItem", **params, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert shown.value.members == {"Item": {**KEY, "a": {"N": "1"}}}
    assert item(call) == {**KEY, "a": {"N": "1"}}


def test_an_update_whose_condition_fails_makes_no_item(call: Call) -> None:
    with pytest.raises(ApiError, match="The conditional request failed"):
        call(
            "UpdateItem",
            TableName="things",
            Key=KEY,
            UpdateExpression="SET a = :a",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":a": {"N": "1"}},
        )
    assert item(call) is None


def test_an_update_without_expression_makes_the_item(call: Call) -> None:
    call("UpdateItem", TableName="things", Key=KEY)
    assert item(call) == KEY


def test_an_item_has_at_most_400_kilobytes(call: Call) -> None:
    put(call, text={"S": "x" * (400 * 1024 - len("id") - len("a") - len("text"))})
    with pytest.raises(ApiError, match=r"^Item size has exceeded the maximum allowed size$"):
        put(call, text={"S": "x" * (400 * 1024 - len("id") - len("a") - len("text") + 1)})
    with pytest.raises(ApiError, match=r"^Item size to update has exceeded"):
        call(
            "UpdateItem",
            TableName="things",
            Key=KEY,
            UpdateExpression="SET more = :more",
            ExpressionAttributeValues={":more": {"S": "x"}},
        )


def nested(depth: int) -> dict[str, Any]:
    return {"S": "x"} if depth == 0 else {"L": [nested(depth - 1)]}


def test_values_are_nested_at_most_32_deep(call: Call) -> None:
    put(call, deep=nested(31))
    with pytest.raises(ApiError, match="Nesting Levels have exceeded supported limits"):
        put(call, deep=nested(32))


def test_an_expression_has_at_most_four_kilobytes_and_300_operators(call: Call) -> None:
    def delete(condition: str) -> None:
        values = {":v": {"N": "1"}}
        params = {"ConditionExpression": condition, "ExpressionAttributeValues": values}
        call("DeleteItem", TableName="things", Key=KEY, **params)

    with pytest.raises(ApiError, match="maximum allowed size; expression size: 4100"):
        delete("a = :v" + " " * 4094)
    with pytest.raises(ApiError, match="operator count: 301"):
        delete(" OR ".join(["a=:v"] * 151))


@pytest.mark.parametrize(
    ("size_bytes", "read", "written"),
    [(100, 0.5, 1.0), (1025, 0.5, 2.0), (4096, 0.5, 4.0), (4097, 1.0, 5.0)],
)
def test_capacity_is_counted_by_size(
    size_bytes: int, read: float, written: float, call: Call
) -> None:
    whole = {**KEY, "t": {"S": "x" * (size_bytes - 4)}}
    total = {"TableName": "things", "ReturnConsumedCapacity": "TOTAL"}
    put_units = call("PutItem", **total, Item=whole)["ConsumedCapacity"]
    assert put_units == {"TableName": "things", "CapacityUnits": written}
    read_units = call("GetItem", **total, Key=KEY)["ConsumedCapacity"]
    assert read_units == {"TableName": "things", "CapacityUnits": read}
    consistent = call("GetItem", **total, Key=KEY, ConsistentRead=True)["ConsumedCapacity"]
    assert consistent["CapacityUnits"] == 2 * read
    assert "ConsumedCapacity" not in call("GetItem", TableName="things", Key=KEY)


def test_writes_to_indexes_are_counted_apart(call: Call) -> None:
    whole = {"owner": {"S": "o"}, "at": {"N": "1"}, "kind": {"S": "k"}}
    answer = call("PutItem", TableName="pairs", Item=whole, ReturnConsumedCapacity="INDEXES")
    one = {"CapacityUnits": 1.0}
    assert answer["ConsumedCapacity"] == {
        "TableName": "pairs",
        "CapacityUnits": 4.0,
        "Table": one,
        "GlobalSecondaryIndexes": {"by-kind": one, "kinds-only": one, "with-label": one},
    }


def test_a_table_with_local_indexes_tells_of_item_collections(call: Call) -> None:
    whole = {"owner": {"S": "o"}, "at": {"N": "1"}}
    answer = call("PutItem", TableName="pairs", Item=whole, ReturnItemCollectionMetrics="SIZE")
    assert answer == {
        "ItemCollectionMetrics": {
            "ItemCollectionKey": {"owner": {"S": "o"}},
            "SizeEstimateRangeGB": [0.0, 1.0],
        }
    }


def test_a_batch_writes_and_reads_several_tables(call: Call) -> None:
    put(call)
    pair = {"owner": {"S": "o"}, "at": {"N": "1"}}
    requests = {
        "things": [{"PutRequest": {"Item": {"id": {"S": "b"}}}}, {"DeleteRequest": {"Key": KEY}}],
        "pairs": [{"PutRequest": {"Item": pair}}],
    }
    assert call("BatchWriteItem", RequestItems=requests) == {"UnprocessedItems": {}}
    keys = {"things": {"Keys": [KEY, {"id": {"S": "b"}}]}, "pairs": {"Keys": [pair]}}
    assert call("BatchGetItem", RequestItems=keys) == {
        "Responses": {"things": [{"id": {"S": "b"}}], "pairs": [pair]},
        "UnprocessedKeys": {},
    }


def test_a_batch_of_reads_gives_at_most_16_megabytes(call: Call) -> None:
    names = [{"id": {"S": str(number)}} for number in range(50)]
    for name in names:
        call("PutItem", TableName="things", Item={**name, "t": {"S": "x" * 400_000}})
    answer = call("BatchGetItem", RequestItems={"things": {"Keys": names}})
    assert len(answer["Responses"]["things"]) == 41
    assert answer["UnprocessedKeys"] == {"things": {"Keys": names[41:]}}


@pytest.mark.parametrize(
    ("operation", "params", "named"),
    [
        ("PutItem", {"Item": KEY, "Expected": {}}, "PutItem with Expected"),
        ("Query", {"KeyConditions": {}}, "Query with KeyConditions"),
        ("ExecuteStatement", {"Statement": "SELECT"}, "dynamodb:ExecuteStatement"),
        ("CreateBackup", {"BackupName": "b"}, "dynamodb:CreateBackup"),
    ],
)
def test_what_is_not_done_is_refused_by_name(
    operation: str, params: dict[str, Any], named: str, call: Call
) -> None:
    with pytest.raises(UnsupportedError, match=named):
        call(operation, TableName="things", **params)


def test_the_api_of_streams_is_refused_by_name(aws: Aws) -> None:
    with pytest.raises(UnsupportedError, match="dynamodbstreams:ListStreams"):
        aws.call("dynamodbstreams", "ListStreams", {})
