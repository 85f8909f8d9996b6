"""An order that comes again: side by side, after its end, with other lines, or after a charge
whose answer never came."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.errors import ApiError
from sfnlocal.testing import Failure, LocalApp, Lost
from tests.workflows.shop import (
    charge,
    left_behind,
    letters,
    place,
    runs_of,
    sku_of,
    status,
    stock,
    stock_up,
    stored,
)

BROKEN = Failure("Broken", "for good")

Order = dict[str, Any]


def test_the_same_start_while_it_runs_is_the_same_run(shop: LocalApp, order: Order) -> None:
    first = shop.start("Order", order, order["orderId"])
    shop.advance(hours=1)
    assert place(shop, order).arn == first.arn
    first.assert_succeeded()
    assert list(runs_of(shop, order)) == [order["orderId"]]


@pytest.mark.parametrize("change", [{}, {"customerId": "c-8"}], ids=["same input", "another"])
def test_the_name_of_a_run_that_has_ended_is_taken(
    shop: LocalApp, order: Order, change: dict[str, str]
) -> None:
    place(shop, order).assert_succeeded()
    with pytest.raises(ApiError, match="Execution Already Exists"):
        place(shop, {**order, **change})


def test_another_input_under_the_name_of_a_running_order_is_refused(
    shop: LocalApp, order: Order
) -> None:
    shop.start("Order", order, order["orderId"])
    with pytest.raises(ApiError, match="Execution Already Exists"):
        place(shop, {**order, "customerId": "c-8"})


@pytest.mark.parametrize(
    ("card", "last"), [("tok_visa", "Completed"), ("tok_declined", "Rejected")]
)
def test_a_duplicate_ends_with_the_stored_outcome_and_does_nothing(
    shop: LocalApp, order: Order, card: str, last: str
) -> None:
    order = {**order, "cardToken": card}
    first = place(shop, order).assert_succeeded()
    before = left_behind(shop, order)
    second = place(shop, order, f"{order['orderId']}-again").assert_succeeded(first.output)
    assert second.visited == ["ValidateOrder", "RecordReceived", "WhereItStands", last]
    assert left_behind(shop, order) == before


@pytest.mark.parametrize("hours", [0, 1], ids=["side by side", "an hour later"])
def test_two_runs_of_an_order_charge_and_ship_once(
    shop: LocalApp, order: Order, hours: int
) -> None:
    first = shop.start("Order", order, order["orderId"])
    if hours:
        shop.advance(hours=hours)
    second = shop.start("Order", order, f"{order['orderId']}-again")
    shop.run_until_idle()
    first.assert_succeeded()
    second.assert_succeeded(first.output)
    assert ("ChargePayment" in second.visited) == (hours == 0)
    assert stock(shop, order) == 8


@pytest.mark.parametrize(
    ("change", "error", "state"),
    [
        ({"quantity": 1}, "OrderInvalid", "ReserveStock"),
        ({"unitPriceCents": 1}, "IdempotencyValidationError", "ChargePayment"),
    ],
)
def test_another_order_under_the_same_id_leaves_the_first_ones_stock_alone(
    shop: LocalApp, order: Order, change: dict[str, int], error: str, state: str
) -> None:
    shop.mock("Order", "RecordPaid", [BROKEN])
    place(shop, order).assert_failed("Broken")
    other = {**order, "lines": [{**order["lines"][0], **change}]}
    run = place(shop, other, f"{order['orderId']}-other").assert_failed(error)
    assert run.attempts(state) == 1
    assert "GiveStockBack" not in run.visited
    assert stock(shop, order) == 8


# A charge whose answer never came


def reservation(shop: LocalApp, order: Order) -> dict[str, Any]:
    return stored(shop, "Reservations", order["orderId"])


def test_an_uncertain_charge_is_remembered_until_the_stock_is_reserved_again(
    shop: LocalApp, order: Order
) -> None:
    shop.mock("Order", "ChargePayment", [Lost("PaymentProviderUnavailable")])
    place(shop, order).assert_failed("PaymentProviderUnavailable")
    charged = charge(shop, order)
    assert charged is not None
    assert reservation(shop, order)["chargeUncertain"] is True
    assert stock(shop, order) == 10

    shop.mock("Order", "ChargePayment", [])
    again = place(shop, order, f"{order['orderId']}-replay-1").assert_succeeded()
    assert again.output["chargeId"] == charged
    assert "chargeUncertain" not in reservation(shop, order)


def test_sold_out_after_an_uncertain_charge_is_for_a_person_and_no_rejection(
    shop: LocalApp, order: Order
) -> None:
    order_id = order["orderId"]
    shop.mock("Order", "ChargePayment", [Lost("PaymentProviderUnavailable")])
    place(shop, order).assert_failed("PaymentProviderUnavailable")
    shop.session.mocks.clear()
    stock_up(shop, sku_of(order), available=0)

    for name in (f"{order_id}-replay-1", f"{order_id}-replay-2"):
        run = place(shop, order, name).assert_failed("OutOfStockAfterCharge")
        assert run.attempts("ReserveStock") == 1
        assert "GiveStockBack" not in run.visited
    assert status(shop, order) == "RECEIVED"
    [_, *after] = letters(shop)
    assert [letter["error"] for letter in after] == ["OutOfStockAfterCharge"] * 2
    assert after[0]["cause"]["errorMessage"] == (
        f"not enough stock of {sku_of(order)} (asked for 2); order {order_id} may have been charged"
    )

    stock_up(shop, sku_of(order), available=2)
    place(shop, order, f"{order_id}-replay-3").assert_succeeded()
    assert stock(shop, order) == 0


def test_a_doubt_outlives_a_replay_that_could_not_reserve(shop: LocalApp, order: Order) -> None:
    """What it gives back, an earlier run may have been charged for."""
    shop.mock("Order", "ChargePayment", [Lost("States.Timeout")])
    place(shop, order).assert_failed("States.Timeout")
    shop.mock("Order", "ReserveStock", [Lost("Sandbox.Timedout")])
    place(shop, order, f"{order['orderId']}-replay-1").assert_failed("Sandbox.Timedout")
    assert stock(shop, order) == 10
    assert reservation(shop, order)["chargeUncertain"] is True


def test_sold_out_after_a_certain_failure_is_a_rejection(shop: LocalApp, order: Order) -> None:
    shop.mock("Order", "ReserveStock", [Lost("Sandbox.Timedout")])
    place(shop, order).assert_failed("Sandbox.Timedout")
    assert reservation(shop, order)["chargeUncertain"] is False
    shop.session.mocks.clear()
    stock_up(shop, sku_of(order), available=0)
    run = place(shop, order, f"{order['orderId']}-replay-1").assert_succeeded()
    assert run.output["reason"] == "OutOfStock"
