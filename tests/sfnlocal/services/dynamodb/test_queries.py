"""Queries and scans: ranges of sort keys, directions, pages, indexes, filters, segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sfnlocal.errors import ApiError

from .conftest import Call


def pair(owner: str, at: int, **attributes: Any) -> dict[str, Any]:
    return {"owner": {"S": owner}, "at": {"N": str(at)}, **attributes}


@pytest.fixture
def filled(call: Call) -> Call:
    for owner in ("a", "b"):
        for at in (-10, 2, 10, 9, 100):
            more = {"kind": {"S": "odd" if at % 2 else "even"}} if at > 0 else {}
            call("PutItem", TableName="pairs", Item=pair(owner, at, label={"S": "l"}, **more))
    return call


def query(call: Call, condition: str, **params: Any) -> dict[str, Any]:
    values = params.pop("values", {})
    return call(
        "Query",
        TableName="pairs",
        KeyConditionExpression=condition,
        ExpressionAttributeNames=params.pop("names", {"#o": "owner"}),
        ExpressionAttributeValues={":o": {"S": "a"}, **values},
        **params,
    )


def ats(answer: dict[str, Any]) -> list[int]:
    return [int(item["at"]["N"]) for item in answer["Items"]]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("", [-10, 2, 9, 10, 100]),
        (" AND #at = :a", [9]),
        (" AND #at < :a", [-10, 2]),
        (" AND #at <= :a", [-10, 2, 9]),
        (" AND #at > :a", [10, 100]),
        (" AND :a <= #at", [9, 10, 100]),
        (" AND #at BETWEEN :a AND :b", [9, 10]),
    ],
)
def test_a_query_gives_a_range_of_sort_keys_in_order(
    condition: str, found: list[int], filled: Call
) -> None:
    names = {"#o": "owner", **({"#at": "at"} if condition else {})}
    values = {
        name: {"N": number} for name, number in ((":a", "9"), (":b", "50")) if name in condition
    }
    answer = query(filled, f"#o = :o{condition}", names=names, values=values)
    assert ats(answer) == found
    assert (answer["Count"], answer["ScannedCount"]) == (len(found), len(found))


def test_a_query_goes_backwards(filled: Call) -> None:
    assert ats(query(filled, "#o = :o", ScanIndexForward=False)) == [100, 10, 9, 2, -10]


def test_sort_keys_that_begin_with_a_text(call: Call) -> None:
    for name in ("a", "ab", "ab\U0010ffff", "abc", "b"):
        item = pair("a", len(name.encode()), name={"S": name})
        call("PutItem", TableName="pairs", Item=item)
    answer = query(
        call,
        "#o = :o AND begins_with(#n, :p)",
        names={"#o": "owner", "#n": "name"},
        values={":p": {"S": "ab"}},
        IndexName="by-name",
    )
    assert [item["name"]["S"] for item in answer["Items"]] == ["ab", "abc", "ab\U0010ffff"]


@pytest.mark.parametrize("forward", [True, False])
def test_pages_are_continued_where_they_ended(forward: bool, filled: Call) -> None:
    found: list[int] = []
    params: dict[str, Any] = {"Limit": 2, "ScanIndexForward": forward}
    sizes = []
    while True:
        answer = query(filled, "#o = :o", **params)
        found += ats(answer)
        sizes.append(answer["Count"])
        if "LastEvaluatedKey" not in answer:
            break
        params["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        # Where it goes on from need not be there any more.
        filled("DeleteItem", TableName="pairs", Key=answer["LastEvaluatedKey"])
    assert sizes == [2, 2, 1]
    assert sorted(found) == [-10, 2, 9, 10, 100]


def test_a_limit_that_was_reached_tells_where_to_go_on(filled: Call) -> None:
    answer = query(filled, "#o = :o", Limit=5)
    assert answer["LastEvaluatedKey"] == pair("a", 100)
    rest = query(filled, "#o = :o", ExclusiveStartKey=answer["LastEvaluatedKey"])
    assert (rest["Items"], "LastEvaluatedKey" in rest) == ([], False)


def test_a_page_ends_at_a_megabyte(call: Call) -> None:
    for at in range(5):
        call("PutItem", TableName="pairs", Item=pair("a", at, text={"S": "x" * 300_000}))
    answer = query(call, "#o = :o", ReturnConsumedCapacity="TOTAL")
    assert ats(answer) == [0, 1, 2]
    assert answer["LastEvaluatedKey"] == pair("a", 2)
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 110.0


def test_a_filter_comes_after_the_limit(filled: Call) -> None:
    answer = query(
        filled,
        "#o = :o",
        FilterExpression="kind = :k",
        values={":k": {"S": "even"}},
        Limit=3,
    )
    assert (ats(answer), answer["Count"], answer["ScannedCount"]) == ([2], 1, 3)


def test_a_count_has_no_items(filled: Call) -> None:
    assert query(filled, "#o = :o", Select="COUNT") == {"Count": 5, "ScannedCount": 5}


def test_an_index_has_the_items_that_have_its_key(filled: Call) -> None:
    answer = filled("Scan", TableName="pairs", IndexName="by-kind")
    assert answer["Count"] == 8
    answer = filled(
        "Query",
        TableName="pairs",
        IndexName="by-kind",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": {"S": "odd"}},
    )
    assert [item["owner"]["S"] for item in answer["Items"]] in (["a", "b"], ["b", "a"])
    assert ats(answer) == [9, 9]


def test_an_index_follows_its_table(filled: Call) -> None:
    key = pair("a", 2)
    update = {"TableName": "pairs", "Key": key, "UpdateExpression": "SET kind = :k"}
    filled("UpdateItem", **update, ExpressionAttributeValues={":k": {"S": "odd"}})
    filled("UpdateItem", TableName="pairs", Key=pair("a", 9), UpdateExpression="REMOVE kind")
    filled("DeleteItem", TableName="pairs", Key=pair("b", 9))
    answer = filled(
        "Query",
        TableName="pairs",
        IndexName="kinds-only",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": {"S": "odd"}},
    )
    assert answer["Items"] == [{**key, "kind": {"S": "odd"}}]


@pytest.mark.parametrize(
    ("index", "attributes"),
    [
        ("by-kind", {"owner", "at", "kind", "label"}),
        ("kinds-only", {"owner", "at", "kind"}),
        ("with-label", {"owner", "at", "kind", "label"}),
    ],
)
def test_an_index_has_what_it_projects(index: str, attributes: set[str], filled: Call) -> None:
    answer = filled("Scan", TableName="pairs", IndexName=index, Limit=1)
    assert answer["Items"][0].keys() == attributes


def test_a_local_index_fetches_what_it_has_not(filled: Call) -> None:
    item = pair("a", 2, name={"S": "n"}, label={"S": "l"})
    filled("PutItem", TableName="pairs", Item=item)
    params = {"IndexName": "by-name", "ReturnConsumedCapacity": "INDEXES"}
    own = query(filled, "#o = :o", **params)
    assert own["Items"] == [pair("a", 2, name={"S": "n"})]
    fetched = query(filled, "#o = :o", **params, Select="ALL_ATTRIBUTES")
    assert fetched["Items"] == [item]
    assert fetched["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_pages_of_an_index_are_continued_by_both_keys(filled: Call) -> None:
    params = {"TableName": "pairs", "IndexName": "by-kind", "Limit": 3}
    found: list[Any] = []
    page = filled("Scan", **params)
    assert page["LastEvaluatedKey"].keys() == {"owner", "at", "kind"}
    while "LastEvaluatedKey" in page:
        found += page["Items"]
        page = filled("Scan", **params, ExclusiveStartKey=page["LastEvaluatedKey"])
    found += page["Items"]
    assert len({(item["owner"]["S"], item["at"]["N"]) for item in found}) == len(found) == 8


def test_segments_have_all_items_between_them(call: Call) -> None:
    for number in range(100):
        call("PutItem", TableName="things", Item={"id": {"S": str(number)}})

    def segment(number: int) -> Iterator[str]:
        params = {"TableName": "things", "Segment": number, "TotalSegments": 4}
        return (item["id"]["S"] for item in call("Scan", **params)["Items"])

    segments = [set(segment(number)) for number in range(4)]
    assert all(15 <= len(one) <= 35 for one in segments)
    assert sum(map(len, segments)) == len(set.union(*segments)) == 100


def test_a_scan_has_the_same_order_whatever_was_written_first(call: Call) -> None:
    names = [str(number) for number in range(20)]
    orders = []
    for written in (names, names[::-1]):
        for name in written:
            call("DeleteItem", TableName="things", Key={"id": {"S": name}})
        for name in written:
            call("PutItem", TableName="things", Item={"id": {"S": name}})
        orders.append(call("Scan", TableName="things")["Items"])
    assert orders[0] == orders[1]


def test_a_query_starts_in_its_own_partition(filled: Call) -> None:
    with pytest.raises(ApiError, match="outside query boundaries"):
        query(filled, "#o = :o", ExclusiveStartKey=pair("b", 2))
