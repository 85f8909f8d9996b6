"""What the order's and the fulfilment's expressions make of what is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workflows.evaluation import evaluate
from workflows import fulfilment, order, order_record
from workflows.jsonata import jsonata


def line(sku: str, quantity: int) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity}


def stored(**shipments: list[dict[str, Any]]) -> dict[str, Any]:
    """An order's item; `_2=[...]` is what was shipped at hand-over 2."""
    return {
        "orderId": {"S": "o-1"},
        "status": {"S": "PAID"},
        "chargeId": {"S": "ch_1"},
        "totalCents": {"N": "2500"},
        "shipments": {
            "M": {number[1:]: {"S": json.dumps(lines)} for number, lines in shipments.items()}
        },
    }


def test_the_stored_order_is_read_as_plain_values() -> None:
    states = {"result": {"Attributes": stored(_1=[line("mug", 2)])}}
    assert evaluate(order_record.STORED, states=states) == {
        "orderId": "o-1",
        "status": "PAID",
        "chargeId": "ch_1",
        "totalCents": 2500,
        "shipments": [{"handOver": 1, "shipped": [line("mug", 2)]}],
    }


@pytest.mark.parametrize(
    ("shipments", "expected"),
    [
        ({}, []),
        ({"_1": []}, [1]),
        ({"_10": [line("mug", 1)], "_2": [], "_1": [line("mug", 1)]}, [1, 2, 10]),
    ],
)
def test_shipments_are_a_list_in_the_order_of_their_hand_overs(
    shipments: dict[str, Any], expected: list[int]
) -> None:
    expression = jsonata(order_record.shipments("$states.result.Item"))
    found = evaluate(expression, states={"result": {"Item": stored(**shipments)}})
    assert [shipment["handOver"] for shipment in found] == expected


@pytest.mark.parametrize(
    ("ordered", "shipped", "missing"),
    [
        ([line("mug", 2)], [], [line("mug", 2)]),
        ([line("mug", 2)], [[]], [line("mug", 2)]),
        ([line("mug", 2)], [[line("mug", 2)]], []),
        ([line("mug", 2), line("cup", 1)], [[line("mug", 2)]], [line("cup", 1)]),
        ([line("mug", 2)], [[line("mug", 1)]], [line("mug", 1)]),
        ([line("mug", 2)], [[line("mug", 1)], [line("mug", 1)]], []),
        ([line("mug", 1), line("mug", 1)], [[line("mug", 1)]], [line("mug", 1)]),
    ],
)
def test_what_is_missing_is_what_was_ordered_less_what_was_shipped(
    ordered: list[Any], shipped: list[list[Any]], missing: list[Any]
) -> None:
    found = evaluate(
        fulfilment.MISSING,
        context={"Execution": {"Input": {"orderId": "o-1", "lines": ordered}}},
        shipments=[
            {"handOver": number, "shipped": lines} for number, lines in enumerate(shipped, 1)
        ],
    )
    assert found == missing


@pytest.mark.parametrize(
    ("received", "started", "uncertain"),
    [
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z", False),
        ("2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00Z", False),
        ("2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.124Z", True),
    ],
)
def test_a_charge_of_an_earlier_run_is_uncertain(
    received: str, started: str, uncertain: bool
) -> None:
    found = evaluate(
        f"{{% {order.CHARGE_UNCERTAIN} %}}",
        context={"Execution": {"StartTime": started}},
        failure={"state": "ReserveStock"},
        stored={"receivedAt": received},
    )
    assert found is uncertain


@pytest.fixture
def list_failed(definitions: dict[str, Any]) -> dict[str, Any]:
    sweep = definitions["Sweep"]["States"]["EachList"]["ItemProcessor"]
    state: dict[str, Any] = sweep["States"]["ListFailed"]
    return state


@pytest.mark.parametrize("token", [{}, {"nextToken": "t"}])
def test_a_page_is_asked_for_with_its_token(
    list_failed: dict[str, Any], token: dict[str, str]
) -> None:
    asked = evaluate(
        list_failed["Arguments"],
        states={"input": {"stateMachineArn": "arn", "status": "FAILED", **token}},
    )
    assert asked.get("NextToken") == token.get("nextToken")
    assert ("NextToken" in asked) == bool(token)


def test_only_runs_that_stopped_in_the_window_are_recorded(list_failed: dict[str, Any]) -> None:
    stops = ["2026-01-01T00:00:00Z", "2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00.001Z"]
    runs = [
        {"ExecutionArn": stop, "StopDate": stop, "Status": "FAILED", "RedriveCount": 0}
        for stop in stops
    ]
    since = "2026-01-01T00:00:00.000Z"
    for listed, expected in ((runs, [stops[0], stops[2]]), (runs[:1], stops[:1]), ([], [])):
        found = evaluate(
            list_failed["Output"], states={"result": {"Executions": listed}}, since=since
        )
        assert [run["executionArn"] for run in found] == expected


def test_a_following_page_is_swept_only_where_there_is_one(list_failed: dict[str, Any]) -> None:
    page = {"stateMachineArn": "arn", "status": "FAILED"}
    expression = list_failed["Assign"]["following"]
    states: dict[str, Any] = {"input": page, "result": {}}
    assert evaluate(expression, states=states) == []
    states["result"] = {"NextToken": "t"}
    assert evaluate(expression, states=states) == [{**page, "nextToken": "t"}]
