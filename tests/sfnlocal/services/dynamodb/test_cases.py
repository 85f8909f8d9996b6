"""Conditions, updates, projections, validation: as data, with the pages that say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError

from .conftest import Call

FILES = sorted(Path(__file__).parent.glob("cases/*.json"))
CASES = [
    pytest.param(case, id=f"{file.stem}-{case['name']}")
    for file in FILES
    for case in json.loads(file.read_text())["cases"]
]


def prepared(case: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The call of a case. Short for: a condition or filter that the item `item` is looked at with,
    an update of it."""
    table, values = "things", case.get("values")
    key = {"id": {"S": "a"}}
    params: dict[str, Any] = {"TableName": table}
    if "names" in case:
        params["ExpressionAttributeNames"] = case["names"]
    if values is not None:
        params["ExpressionAttributeValues"] = values
    if "condition" in case:
        return "DeleteItem", {**params, "Key": key, "ConditionExpression": case["condition"]}
    if "update" in case:
        params["ReturnValues"] = case.get("return", "ALL_NEW")
        return "UpdateItem", {**params, "Key": key, "UpdateExpression": case["update"]}
    if "projection" in case:
        return "GetItem", {**params, "Key": key, "ProjectionExpression": case["projection"]}
    operation, given = case["call"]
    return operation, given


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any], call: Call) -> None:
    item = case.get("item")
    if item is not None:
        call("PutItem", TableName="things", Item={"id": {"S": "a"}, **item})
    operation, params = prepared(case)
    if "error" in case:
        code, message = case["error"]
        with pytest.raises(ApiError) as refused:
            call(operation, **params)
        assert (refused.value.aws_code, refused.value.message) == (code, message)
        return
    answer = call(operation, **params)
    if "attributes" in case:
        found = {**answer.get("Attributes", {}), **answer.get("Item", {})}
        if "id" not in case["attributes"]:
            found.pop("id", None)
        assert found == case["attributes"]
    if "answer" in case:
        assert answer == case["answer"]
