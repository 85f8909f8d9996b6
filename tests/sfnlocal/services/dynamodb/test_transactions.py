"""Transactions: all or nothing, the reasons, tokens."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.errors import ApiError
from sfnlocal.services.aws import Aws

from .conftest import NOW_MS, Call

TABLE = {"TableName": "things"}
MINUTE_MS = 60_000


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def count(call: Call) -> int:
    return int(call("Scan", **TABLE)["Count"])


def add(name: str) -> dict[str, Any]:
    return {
        "Update": {
            **TABLE,
            "Key": key(name),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }


def test_a_transaction_does_all_of_it(call: Call) -> None:
    call("PutItem", **TABLE, Item=key("old"))
    exists = {**TABLE, "Key": key("old"), "ConditionExpression": "attribute_exists(id)"}
    call("PutItem", **TABLE, Item=key("gone"))
    items = [
        {"ConditionCheck": exists},
        {"Put": {**TABLE, "Item": key("new")}},
        {"Delete": {**TABLE, "Key": key("gone")}},
        add("counted"),
    ]
    assert call("TransactWriteItems", TransactItems=items) == {}
    found = {item["id"]["S"] for item in call("Scan", **TABLE)["Items"]}
    assert found == {"old", "new", "counted"}


def test_a_cancelled_transaction_does_nothing_and_says_why(call: Call) -> None:
    call("PutItem", **TABLE, Item={**key("old"), "s": {"S": "x"}})
    absent = {"ConditionExpression": "attribute_not_exists(id)"}
    items = [
        {"Put": {**TABLE, "Item": key("new")}},
        {
            "Put": {
                **TABLE,
                "Item": key("old"),
                **absent,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        {"Update": {**add("old2")["Update"], "UpdateExpression": "SET m.n = :one"}},
    ]
    with pytest.raises(ApiError) as cancelled:
        call("TransactWriteItems", TransactItems=items)
    error = cancelled.value
    assert error.aws_code == "TransactionCanceledException"
    assert error.message == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, ValidationError]"
    )
    assert error.members["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": {**key("old"), "s": {"S": "x"}},
        },
        {
            "Code": "ValidationError",
            "Message": "The document path provided in the update expression is invalid for update",
        },
    ]
    assert count(call) == 1


def test_a_token_makes_a_transaction_happen_once_for_ten_minutes(aws: Aws, call: Call) -> None:
    params = {"TransactItems": [add("a")], "ClientRequestToken": "t"}

    def counted() -> str:
        return str(call("GetItem", **TABLE, Key=key("a"))["Item"]["n"]["N"])

    for _ in range(2):
        call("TransactWriteItems", **params)
    assert counted() == "1"
    with pytest.raises(ApiError) as other:
        call("TransactWriteItems", TransactItems=[add("b")], ClientRequestToken="t")
    assert other.value.aws_code == "IdempotentParameterMismatchException"
    aws.move_to(NOW_MS + 10 * MINUTE_MS)
    call("TransactWriteItems", **params)
    assert counted() == "1"
    aws.move_to(NOW_MS + 10 * MINUTE_MS + 1)
    call("TransactWriteItems", **params)
    assert counted() == "2"


def test_a_cancelled_transaction_may_be_tried_again_with_its_token(call: Call) -> None:
    put = {**TABLE, "Item": key("a"), "ConditionExpression": "attribute_not_exists(id)"}
    call("PutItem", **TABLE, Item=key("a"))
    params = {"TransactItems": [{"Put": put}], "ClientRequestToken": "t"}
    with pytest.raises(ApiError, match="ConditionalCheckFailed"):
        call("TransactWriteItems", **params)
    call("DeleteItem", **TABLE, Key=key("a"))
    call("TransactWriteItems", **params)
    assert count(call) == 1


def test_a_transaction_reads_several_items_at_once(call: Call) -> None:
    call("PutItem", **TABLE, Item={**key("a"), "n": {"N": "1"}, "s": {"S": "x"}})
    gets = [
        {"Get": {**TABLE, "Key": key("a"), "ProjectionExpression": "n"}},
        {"Get": {**TABLE, "Key": key("b")}},
    ]
    answer = call("TransactGetItems", TransactItems=gets, ReturnConsumedCapacity="TOTAL")
    assert answer["Responses"] == [{"Item": {"n": {"N": "1"}}}, {}]
    assert answer["ConsumedCapacity"] == [
        {"TableName": "things", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}
    ]


def test_a_transactions_writes_cost_twice(call: Call) -> None:
    answer = call("TransactWriteItems", TransactItems=[add("a")], ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == [
        {"TableName": "things", "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}
    ]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "Member must have length greater than or equal to 1"),
        ([add(str(number)) for number in range(101)], "length less than or equal to 100"),
        ([{**add("a"), "Put": {**TABLE, "Item": key("b")}}], "can only contain one of"),
    ],
)
def test_a_transaction_has_one_to_a_hundred_items_of_one_action_each(
    items: list[Any], message: str, call: Call
) -> None:
    with pytest.raises(ApiError, match=message):
        call("TransactWriteItems", TransactItems=items)
