"""Fulfilment runs: partial shipments, a warehouse that is late, silent or answers twice, and a
child execution that is started at most once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Message, Run
from tests.workflows.shop import (
    place,
    replay,
    runs_of,
    status,
    stock_up,
    stop,
    the_letter,
)

HOUR_MS = 3_600_000
TO_SHIP_DATE = {"days": 1}
TO_RESTOCK = {"minutes": 6}

Order = dict[str, Any]


class Warehouse:
    """Takes the hand-overs from the queue, and answers when it is told to."""

    def __init__(self, app: LocalApp) -> None:
        self.step_functions = app.client("stepfunctions")
        self.hand_overs: list[dict[str, Any]] = []
        self.answers_at_once = False
        app.on_message("WarehouseQueue", self._take)

    def _take(self, message: Message) -> None:
        self.hand_overs.append(message.body)
        if self.answers_at_once:
            self.answer()

    def answer(self, index: int = -1, **shipped: int) -> None:
        """Everything that was asked for ships, or these quantities."""
        hand_over = self.hand_overs[index]
        asked = {line["sku"]: line["quantity"] for line in hand_over["lines"]}
        ships = shipped or asked
        left = {sku: n - ships.get(sku, 0) for sku, n in asked.items()}
        output = {
            "shipped": [{"sku": sku, "quantity": n} for sku, n in ships.items() if n],
            "backordered": [{"sku": sku, "quantity": n} for sku, n in left.items() if n],
        }
        self.step_functions.send_task_success(
            taskToken=hand_over["taskToken"], output=json.dumps(output)
        )


@pytest.fixture
def warehouse(shop: LocalApp) -> Warehouse:
    return Warehouse(shop)


@pytest.fixture
def order(shop: LocalApp, order: Order) -> Order:
    """Three mugs and two cups."""
    for sku in ("mug", "cup"):
        stock_up(shop, sku)
    lines = [
        {"sku": "mug", "quantity": 3, "unitPriceCents": 1250},
        {"sku": "cup", "quantity": 2, "unitPriceCents": 700},
    ]
    return {**order, "lines": lines}


EVERYTHING = [{"sku": "mug", "quantity": 3}, {"sku": "cup", "quantity": 2}]


def start(shop: LocalApp, order: Order) -> Run:
    """Until the ship date has come."""
    run = shop.start("Order", order, order["orderId"])
    shop.advance(**TO_SHIP_DATE)
    return run


def the_child(shop: LocalApp, order: Order) -> Run:
    [child] = runs_of(shop, order, "Fulfilment").values()
    return child


def the_replay(shop: LocalApp, order: Order) -> Run:
    [_, again] = runs_of(shop, order).values()
    return again


def test_each_hand_over_asks_for_the_rest_only(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = start(shop, order)
    for shipped in ({"mug": 1}, {"mug": 2, "cup": 1}, {"cup": 1}):
        warehouse.answer(**shipped)
        shop.advance(**TO_RESTOCK)
    assert [(one["handOver"], one["lines"]) for one in warehouse.hand_overs] == [
        (1, EVERYTHING),
        (2, [{"sku": "mug", "quantity": 2}, {"sku": "cup", "quantity": 2}]),
        (3, [{"sku": "cup", "quantity": 1}]),
    ]
    run.assert_succeeded()
    assert run.output["shipments"] == [
        {"handOver": 1, "shipped": [{"sku": "mug", "quantity": 1}]},
        {"handOver": 2, "shipped": [{"sku": "mug", "quantity": 2}, {"sku": "cup", "quantity": 1}]},
        {"handOver": 3, "shipped": [{"sku": "cup", "quantity": 1}]},
    ]
    hand_overs = the_child(shop, order).entered_ms("HandOverToWarehouse")
    assert [later - hand_overs[0] for later in hand_overs] == [0, 300_000, 660_000]


def test_a_sku_in_two_lines_is_handed_over_as_one(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    mug = order["lines"][0]
    run = start(shop, {**order, "lines": [mug, mug]})
    for shipped in ({"mug": 4}, {"mug": 2}):
        warehouse.answer(**shipped)
        shop.advance(**TO_RESTOCK)
    run.assert_succeeded()
    assert [one["lines"] for one in warehouse.hand_overs] == [
        [{"sku": "mug", "quantity": 6}],
        [{"sku": "mug", "quantity": 2}],
    ]


def test_what_never_ships_is_handed_over_three_times_and_then_a_letter(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = start(shop, order)
    for _ in range(3):
        warehouse.answer(mug=0)
        shop.advance(**TO_RESTOCK)
    run.assert_failed("States.TaskFailed")
    child = the_child(shop, order).assert_failed("BackordersRemain")
    assert child.attempts("HandOverToWarehouse") == 3
    assert json.loads(child.cause or "")["missing"] == EVERYTHING
    letter = the_letter(shop, run)
    assert (letter["state"], letter["attempts"]) == ("Fulfil", 1)
    assert letter["cause"]["Error"] == "BackordersRemain"
    assert status(shop, order) == "PAID"


def test_a_replay_hands_over_only_what_has_not_shipped(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    start(shop, order)
    for shipped in ({"mug": 3}, {"mug": 0}, {"mug": 0}):
        warehouse.answer(**shipped)
        shop.advance(**TO_RESTOCK)
    warehouse.answers_at_once = True
    replay(shop)
    shop.run_until_idle()
    assert warehouse.hand_overs[-1]["handOver"] == 4
    assert warehouse.hand_overs[-1]["lines"] == [{"sku": "cup", "quantity": 2}]
    again = the_replay(shop, order).assert_succeeded()
    assert [one["shipped"] for one in again.output["shipments"]] == [
        [{"sku": "mug", "quantity": 3}],
        [],
        [],
        [{"sku": "cup", "quantity": 2}],
    ]


# A warehouse that is late, silent, or says it twice


def test_a_silent_warehouse_is_asked_again_under_the_same_number(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = start(shop, order)
    shop.advance(hours=11)
    assert len(warehouse.hand_overs) == 1
    shop.advance(hours=2)
    assert [one["handOver"] for one in warehouse.hand_overs] == [1, 1]
    assert warehouse.hand_overs[0]["taskToken"] != warehouse.hand_overs[1]["taskToken"]

    with pytest.raises(ClientError, match="TaskTimedOut"):
        warehouse.answer(0)
    assert run.status == "RUNNING"
    warehouse.answer(1)
    shop.advance(minutes=1)
    run.assert_succeeded()
    assert run.output["shipments"] == [{"handOver": 1, "shipped": EVERYTHING}]


def test_a_warehouse_that_never_answers_is_asked_three_times_and_then_a_letter(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = place(shop, order).assert_failed("States.TaskFailed")
    assert len(warehouse.hand_overs) == 3
    child = the_child(shop, order).assert_failed("States.Timeout")
    assert child.duration_ms is not None
    assert 36 * HOUR_MS <= child.duration_ms < 37 * HOUR_MS
    assert run.attempts("Fulfil") == 1
    assert the_letter(shop, run)["cause"]["Error"] == "States.Timeout"


def test_heartbeats_keep_a_hand_over_alive_for_two_days_and_no_longer(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    start(shop, order)
    token = warehouse.hand_overs[0]["taskToken"]
    for _ in range(4):
        shop.advance(hours=11)
        warehouse.step_functions.send_task_heartbeat(taskToken=token)
    shop.advance(hours=3)
    assert len(warehouse.hand_overs) == 1
    shop.advance(hours=2)
    assert len(warehouse.hand_overs) == 2


def test_a_token_that_was_answered_cannot_be_answered_again(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = start(shop, order)
    warehouse.answer(0)
    for _ in range(2):
        with pytest.raises(ClientError, match="TaskTimedOut"):
            warehouse.answer(0, mug=1)
        shop.advance(minutes=1)
    run.assert_succeeded()
    assert run.output["shipments"] == [{"handOver": 1, "shipped": EVERYTHING}]


def test_a_warehouse_that_refuses_is_not_asked_again(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = start(shop, order)
    warehouse.step_functions.send_task_failure(
        taskToken=warehouse.hand_overs[0]["taskToken"], error="Burnt", cause="to the ground"
    )
    shop.advance(minutes=1)
    run.assert_failed("States.TaskFailed")
    assert len(warehouse.hand_overs) == 1
    assert the_letter(shop, run)["cause"]["Error"] == "Burnt"


# The child execution


def test_a_start_that_lost_its_answer_finds_the_child_running(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    shop.mock("Order", "Fulfil", [Lost("StepFunctions.SdkClientException"), CALL])
    run = start(shop, order)
    shop.advance(hours=1)
    assert (run.attempts("Fulfil"), the_child(shop, order).status) == (2, "RUNNING")
    warehouse.answer()
    shop.advance(minutes=1)
    run.assert_succeeded()
    assert "ReadFulfilment" not in run.visited
    assert len(warehouse.hand_overs) == 1


@pytest.mark.parametrize("reading", [[CALL], [Lost("Sfn.SdkClientException"), CALL]])
def test_a_start_that_lost_its_answer_reads_a_child_that_has_ended(
    shop: LocalApp, warehouse: Warehouse, order: Order, reading: list[Any]
) -> None:
    warehouse.answers_at_once = True
    shop.mock("Order", "Fulfil", [Lost("StepFunctions.SdkClientException"), CALL])
    shop.mock("Order", "ReadFulfilment", reading)
    run = place(shop, order).assert_succeeded()
    assert run.visited[-5:] == [
        "Fulfil",
        "ReadFulfilment",
        "HasFulfilmentEnded",
        "RecordCompleted",
        "Completed",
    ]
    assert run.attempts("ReadFulfilment") == len(reading)
    assert the_child(shop, order).status == "SUCCEEDED"
    assert run.output["shipments"] == [{"handOver": 1, "shipped": EVERYTHING}]


def test_a_child_that_runs_already_is_waited_for(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    """A start that is refused although the child runs: its input was written otherwise."""
    refused = Failure("StepFunctions.ExecutionAlreadyExistsException")
    shop.mock("Order", "Fulfil", [Lost("StepFunctions.SdkClientException"), refused])
    run = start(shop, order)
    shop.advance(hours=2, minutes=30)
    assert run.visited.count("WaitForFulfilment") == 3
    warehouse.answer()
    shop.advance(hours=1)
    run.assert_succeeded()
    assert the_child(shop, order).status == "SUCCEEDED"


def test_a_child_that_had_failed_is_a_letter_and_its_replay_starts_another(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    warehouse.answers_at_once = True
    shop.mock("Fulfilment", "RecordShipment", [Failure("Broken", "for good"), CALL])
    shop.mock("Order", "Fulfil", [Lost("StepFunctions.SdkClientException"), CALL])
    run = place(shop, order).assert_failed("States.TaskFailed")
    run.assert_visited("Fulfil", "ReadFulfilment", "HasFulfilmentEnded", "Failed")
    letter = the_letter(shop, run)
    assert (letter["state"], letter["cause"]) == ("Fulfil", "for good")

    replay(shop)
    shop.run_until_idle()
    the_replay(shop, order).assert_succeeded()
    children = runs_of(shop, order, "Fulfilment")
    assert list(children) == [order["orderId"], f"{order['orderId']}-replay-1"]


def test_a_child_that_was_stopped_is_a_letter_and_its_replay_finishes(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = start(shop, order)
    stop(shop, the_child(shop, order))
    shop.advance(minutes=1)
    run.assert_failed("States.TaskFailed")
    assert the_letter(shop, run)["cause"]["Status"] == "ABORTED"

    warehouse.answers_at_once = True
    replay(shop)
    shop.run_until_idle()
    the_replay(shop, order).assert_succeeded()


def test_an_order_that_is_stopped_stops_its_fulfilment(
    shop: LocalApp, warehouse: Warehouse, order: Order
) -> None:
    run = start(shop, order)
    stop(shop, run)
    assert (run.status, the_child(shop, order).status) == ("ABORTED", "ABORTED")
    with pytest.raises(ClientError, match="TaskTimedOut"):
        warehouse.answer(0)
