"""Dead letters replayed by the operator's script: the order ends as if nothing had failed, and
nothing is done twice, however often the script runs."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.testing import CALL, Failure, LocalApp, Lost
from tests.workflows.shop import (
    an_order,
    archived,
    left_behind,
    letters,
    place,
    provider_fails,
    replay,
    runs_of,
    status,
    stock,
    stock_up,
    the_letter,
)

BROKEN = Failure("Broken", "for good")

Order = dict[str, Any]


@pytest.fixture(scope="module")
def calm(shop: LocalApp) -> dict[str, Any]:
    """What an order leaves behind when nothing fails."""
    order = an_order("good", sku="mug")
    stock_up(shop, "mug")
    place(shop, order).assert_succeeded()
    return left_behind(shop, order)


def test_a_replay_ends_where_a_run_without_faults_ends(
    shop: LocalApp, calm: dict[str, Any], order: Order
) -> None:
    order_id = order["orderId"]
    provider_fails(shop, 9)
    failed = place(shop, order).assert_failed("PaymentProviderUnavailable")

    arn = f"{failed.arn}-replay-1"
    assert replay(shop) == [
        f"replayed          {order_id} -> {arn}",
        "1 replayed, 0 left in the queue",
    ]
    shop.run_until_idle()
    again = runs_of(shop, order)[f"{order_id}-replay-1"].assert_succeeded()
    assert again.execution.input == order
    assert left_behind(shop, order) == calm
    assert letters(shop) == []
    item = archived(shop, failed)
    assert (item["status"], item["replayedAs"]) == ("REPLAYED", arn)

    assert replay(shop) == ["0 replayed, 0 left in the queue"]
    shop.run_until_idle()
    assert len(runs_of(shop, order)) == 2
    assert left_behind(shop, order) == calm


@pytest.mark.parametrize("outcome", [BROKEN, Lost("Broken")], ids=["never called", "answer lost"])
@pytest.mark.parametrize(
    ("state", "left", "stands"),
    [
        ("RecordReceived", 10, None),
        ("ReserveStock", 10, "RECEIVED"),
        ("ChargePayment", 10, "RECEIVED"),
        ("RecordPaid", 8, "RECEIVED"),
        ("SendInvoice", 8, "PAID"),
        ("Fulfil", 8, "PAID"),
        ("RecordCompleted", 8, "PAID"),
    ],
)
def test_wherever_an_order_failed_its_replay_finishes_it(
    shop: LocalApp,
    calm: dict[str, Any],
    order: Order,
    state: str,
    left: int,
    stands: str | None,
    outcome: Failure | Lost,
) -> None:
    """Until the charge the stock goes back, after it nothing does."""
    shop.mock("Order", state, [outcome, CALL])
    run = place(shop, order).assert_failed("Broken")
    assert run.attempts(state) == 1
    assert the_letter(shop, run)["state"] == state
    assert stock(shop, order) == left
    if outcome == BROKEN:
        assert status(shop, order) == stands

    replay(shop)
    shop.run_until_idle()
    runs_of(shop, order)[f"{order['orderId']}-replay-1"].assert_succeeded()
    assert left_behind(shop, order) == calm


def test_a_failed_compensation_does_not_keep_a_replay_from_finishing(
    shop: LocalApp, calm: dict[str, Any], order: Order
) -> None:
    shop.mock("Order", "ChargePayment", [BROKEN, CALL])
    shop.mock("Order", "GiveStockBack", [BROKEN])
    place(shop, order).assert_failed("Broken")
    replay(shop)
    shop.run_until_idle()
    assert left_behind(shop, order) == calm


def test_a_script_that_died_before_it_could_mark_the_letter_starts_no_second_run(
    shop: LocalApp, calm: dict[str, Any], order: Order
) -> None:
    shop.mock("Order", "SendInvoice", [BROKEN, CALL])
    place(shop, order).assert_failed("Broken")
    place(shop, order, f"{order['orderId']}-replay-1").assert_succeeded()
    assert replay(shop)[-1] == "1 replayed, 0 left in the queue"
    shop.run_until_idle()
    assert len(runs_of(shop, order)) == 2
    assert left_behind(shop, order) == calm


def test_a_letter_whose_sending_had_lost_its_answer_comes_twice_and_is_replayed_once(
    shop: LocalApp, calm: dict[str, Any], order: Order
) -> None:
    shop.mock("Order", "ChargePayment", [BROKEN, CALL])
    shop.mock("Order", "SendLetter", [Lost("SQS.SdkClientException"), CALL])
    place(shop, order).assert_failed("Broken")
    assert len(letters(shop)) == 2
    [first, second, _] = replay(shop)
    assert first.startswith("replayed ")
    assert second.startswith("already replayed ")
    shop.run_until_idle()
    assert len(runs_of(shop, order)) == 2
    assert left_behind(shop, order) == calm


def test_a_replay_that_fails_leaves_a_letter_of_its_own(
    shop: LocalApp, calm: dict[str, Any], order: Order
) -> None:
    order_id = order["orderId"]
    shop.mock("Order", "ChargePayment", [BROKEN, BROKEN, CALL])
    place(shop, order).assert_failed("Broken")
    replay(shop)
    shop.run_until_idle()
    [letter] = letters(shop)
    assert letter["executionName"] == f"{order_id}-replay-1"
    assert (letter["correlationId"], letter["replayOf"]) == (order_id, order_id)

    replay(shop)
    shop.run_until_idle()
    assert list(runs_of(shop, order)) == [order_id, f"{order_id}-replay-1", f"{order_id}-replay-2"]
    assert left_behind(shop, order) == calm


def test_a_dry_run_changes_nothing(shop: LocalApp, order: Order) -> None:
    shop.mock("Order", "ChargePayment", [BROKEN])
    run = place(shop, order).assert_failed("Broken")
    letter = the_letter(shop, run)
    for _ in range(2):
        assert replay(shop, "--dry-run") == [
            f"would replay      {order['orderId']} -> {order['orderId']}-replay-1",
            "1 could be replayed, 0 left in the queue",
        ]
    assert the_letter(shop, run) == letter
    assert len(runs_of(shop, order)) == 1


def test_many_letters_are_replayed_each_once(shop: LocalApp, order: Order) -> None:
    orders = [{**order, "orderId": f"{order['orderId']}_{number}"} for number in range(4)]
    stock_up(shop, order["lines"][0]["sku"], available=8)
    shop.mock("Order", "ChargePayment", [BROKEN])
    for one in orders:
        shop.start("Order", one, one["orderId"])
    shop.run_until_idle()
    shop.session.mocks.clear()
    assert replay(shop, "--max", "3")[-1] == "3 replayed, 0 left in the queue"
    assert replay(shop)[-1] == "1 replayed, 0 left in the queue"
    shop.run_until_idle()
    for one in orders:
        [_, again] = runs_of(shop, one).values()
        again.assert_succeeded()
    assert stock(shop, order) == 0
