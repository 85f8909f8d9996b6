"""Orders run as deployed, in virtual time: outcomes, ship dates, a payment provider in trouble.

Relied upon:
https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
(a timestamp in any zone, to the millisecond here; a Standard execution lives for a year)
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
(Retriers in their order, then Catchers; a Catcher's state goes on with what went wrong)
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
(all or nothing, and why not, by item)
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sfnlocal.reports.transitions import state_transitions
from sfnlocal.testing import Failure, LocalApp, Run
from sfnlocal.timestamps import instant
from tests.workflows.shop import (
    charge,
    iso,
    iso_ms,
    left_behind,
    letters,
    ms,
    place,
    provider_fails,
    runs_of,
    sku_of,
    stock,
    stock_up,
    stored,
    the_letter,
)

STORY = [
    "ValidateOrder",
    "RecordReceived",
    "WhereItStands",
    "ReserveStock",
    "ChargePayment",
    "RecordPaid",
    "SendInvoice",
    "WaitForShipDate",
    "Fulfil",
    "RecordCompleted",
    "Completed",
]
BROKEN = Failure("Broken", "for good")

Order = dict[str, Any]


def test_a_good_order_from_the_customer_to_its_shipment(shop: LocalApp, order: Order) -> None:
    run = place(shop, order)
    shipments = [{"handOver": 1, "shipped": [{"sku": sku_of(order), "quantity": 2}]}]
    run.assert_succeeded(
        {
            "orderId": order["orderId"],
            "status": "COMPLETED",
            "chargeId": charge(shop, order),
            "totalCents": 2500,
            "shipments": shipments,
        }
    )
    assert run.visited == STORY
    assert run.duration_ms == 24 * 3_600_000
    assert state_transitions(run.execution) == len(STORY)
    [child] = runs_of(shop, order, "Fulfilment").values()
    child.assert_succeeded({"shipments": shipments})
    assert state_transitions(child.execution) == 8
    assert child.execution.input == {
        "orderId": order["orderId"],
        "lines": [{"sku": sku_of(order), "quantity": 2}],
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": run.arn,
    }


def test_what_a_good_order_leaves_behind(shop: LocalApp, order: Order) -> None:
    run = place(shop, order).assert_succeeded()
    line = {"sku": "sku 0", "quantity": 2, "unitPriceCents": 1250}
    assert left_behind(shop, order) == {
        "Orders": {
            "orderId": "order",
            "status": "COMPLETED",
            "customerId": "c-7",
            "chargeId": "charge",
            "totalCents": 2500,
            "currency": "EUR",
            "orderLines": '[{"sku":"sku 0","quantity":2,"unitPriceCents":1250}]',
            "shipments": {"1": '[{"sku":"sku 0","quantity":2}]'},
        },
        "Stock": {"sku 0": 8},
        "Reservations": {"orderId": "order", "status": "RESERVED", "quantities": {"sku 0": 2}},
        "Payments": {
            "idempotencyKey": "order",
            "chargeId": "charge",
            "amountCents": 2500,
            "currency": "EUR",
        },
        "Invoices": {
            "orderId": "order",
            "invoiceId": "inv-order",
            "customerId": "c-7",
            "chargeId": "charge",
            "totalCents": 2500,
            "currency": "EUR",
            "lines": [line],
        },
    }
    item = stored(shop, "Orders", order["orderId"])
    started, shipped = iso_ms(run.execution.start_ms), iso_ms(ms(order["shipAt"]))
    assert (item["receivedAt"], item["paidAt"], item["completedAt"]) == (started, started, shipped)
    assert item["shipAt"] == order["shipAt"]
    for queue in ("InvoiceQueue", "WarehouseQueue", "OrderDeadLetters", "LostEvents"):
        assert shop.messages(queue) == [], queue


@pytest.mark.parametrize(
    "days", [30, 300, 0, -8], ids=["in 30 days", "in 300 days", "now", "a week ago"]
)
def test_it_ships_at_its_date_to_the_millisecond(shop: LocalApp, order: Order, days: int) -> None:
    now_ms = shop.session.now_ms
    run = place(shop, {**order, "shipAt": iso(shop.now + timedelta(days=days))})
    run.assert_succeeded()
    assert run.entered_ms("WaitForShipDate") == [now_ms]
    assert run.entered_ms("Fulfil") == [now_ms + max(days, 0) * 86_400_000]
    assert run.execution.stop_ms == now_ms + max(days, 0) * 86_400_000


def test_a_ship_date_in_another_zone_is_the_same_moment(shop: LocalApp, order: Order) -> None:
    now_ms = shop.session.now_ms
    ship_at = iso(shop.now + timedelta(hours=3)).replace("Z", "+02:00")
    run = place(shop, {**order, "shipAt": ship_at}).assert_succeeded()
    assert run.entered_ms("Fulfil") == [now_ms + 3_600_000]


def test_the_sandbox_ships_a_backorder_with_the_second_hand_over(
    shop: LocalApp, order: Order
) -> None:
    cup = {"sku": f"backorder-{sku_of(order)}", "quantity": 1, "unitPriceCents": 700}
    stock_up(shop, f"backorder-{sku_of(order)}")
    run = place(shop, {**order, "lines": [*order["lines"], cup]}).assert_succeeded()
    assert run.output["shipments"] == [
        {"handOver": 1, "shipped": [{"sku": sku_of(order), "quantity": 2}]},
        {"handOver": 2, "shipped": [{"sku": cup["sku"], "quantity": 1}]},
    ]


TOO_FAR = {"shipAt": "9999-01-01T00:00:00Z"}
LINE = {"sku": "mug", "quantity": 2, "unitPriceCents": 1250}
INVALID = {
    "too far": (TOO_FAR, "order.shipAt is more than 300 days ahead"),
    "no moment": ({"shipAt": "tomorrow"}, "order.shipAt must be date-time"),
    "no lines": ({"lines": []}, "order.lines must contain at least 1 items"),
    "no quantity": ({"lines": [{**LINE, "quantity": 0}]}, "order.lines[0].quantity must be"),
    "a price below zero": ({"lines": [{**LINE, "unitPriceCents": -1}]}, "unitPriceCents must be"),
    "no sku": ({"lines": [{"quantity": 1, "unitPriceCents": 1}]}, "must contain ['sku']"),
    "unknown field": ({"coupon": "10OFF"}, "order must not contain {'coupon'} properties"),
    "currency": ({"currency": "euro"}, "order.currency must match pattern"),
    "no card": ({"cardToken": None}, "order.cardToken must be string"),
    "order id": ({"orderId": "o 1"}, "order.orderId must match pattern"),
    "nothing": ({}, "order must contain"),
    "a list": (["two mugs"], "order must be object"),
    "a text": ("two mugs, please", "order must be object"),
    "null": (None, "order must be object"),
}


@pytest.mark.parametrize(("change", "message"), INVALID.values(), ids=INVALID)
def test_an_invalid_order_is_tried_once_and_leaves_one_letter(
    shop: LocalApp, order: Order, change: Any, message: str
) -> None:
    given = {**order, **change} if isinstance(change, dict) and change else change
    run = place(shop, given, order["orderId"]).assert_failed("OrderInvalid")
    assert run.attempts("ValidateOrder") == 1
    letter = the_letter(shop, run)
    assert message in letter["cause"]["errorMessage"]
    assert (letter["state"], letter["attempts"]) == ("ValidateOrder", 1)
    assert letter["input"] == given
    assert left_behind(shop, order) == {
        "Orders": {},
        "Reservations": {},
        "Payments": {},
        "Invoices": {},
        "Stock": {"sku 0": 10},
    }


def test_sold_out_is_an_outcome(shop: LocalApp, order: Order) -> None:
    stock_up(shop, sku_of(order), available=1)
    run = place(shop, order)
    run.assert_succeeded(
        {"orderId": order["orderId"], "status": "REJECTED", "reason": "OutOfStock"}
    )
    assert run.visited == [*STORY[:4], "RecordRejected", "Rejected"]
    assert run.attempts("ReserveStock") == 1
    found = left_behind(shop, order)
    assert (found["Orders"]["status"], found["Orders"]["reason"]) == ("REJECTED", "OutOfStock")
    assert (found["Stock"], found["Reservations"]) == ({"sku 0": 1}, {})
    assert (found["Payments"], found["Invoices"], letters(shop)) == ({}, {}, [])


def test_a_declined_card_gives_the_stock_back_and_is_an_outcome(
    shop: LocalApp, order: Order
) -> None:
    run = place(shop, {**order, "cardToken": "tok_declined"})
    run.assert_succeeded(
        {"orderId": order["orderId"], "status": "REJECTED", "reason": "CardDeclined"}
    )
    assert run.visited == [*STORY[:5], "ReleaseStock", "RecordRejected", "Rejected"]
    assert run.attempts("ChargePayment") == 1
    found = left_behind(shop, order)
    assert found["Stock"] == {"sku 0": 10}
    assert found["Reservations"] == {
        "orderId": "order",
        "status": "RELEASED",
        "quantities": {"sku 0": 2},
        "chargeUncertain": False,
    }
    assert (found["Payments"], found["Invoices"], letters(shop)) == ({}, {}, [])


def pauses_ms(run: Run, state: str) -> list[int]:
    """Between each failed attempt of a state and the next one."""
    inside, failed_ms, pauses = False, 0, []
    for event in run.events:
        if event["type"] == "TaskStateEntered":
            inside = event["stateEnteredEventDetails"]["name"] == state
        elif inside and event["type"] == "TaskFailed":
            failed_ms = event["timestamp"]
        elif inside and event["type"] == "TaskScheduled" and failed_ms:
            pauses.append(event["timestamp"] - failed_ms)
    return pauses


@pytest.mark.parametrize("failures", [1, 3, 8])
def test_a_provider_that_comes_back_is_waited_for(
    shop: LocalApp, order: Order, failures: int
) -> None:
    provider_fails(shop, failures)
    run = place(shop, order).assert_succeeded()
    assert run.attempts("ChargePayment") == failures + 1
    assert state_transitions(run.execution) == len(STORY) + failures
    pauses = pauses_ms(run, "ChargePayment")
    assert len(pauses) == len(set(pauses)) == failures
    for attempt, pause in enumerate(pauses):
        assert 0 <= pause <= min(2_000 * 2**attempt, 120_000), pauses
    assert left_behind(shop, order)["Stock"] == {"sku 0": 8}


def test_a_provider_that_stays_down_is_compensated_and_leaves_one_letter(
    shop: LocalApp, order: Order
) -> None:
    provider_fails(shop, 9)
    run = place(shop, order).assert_failed("PaymentProviderUnavailable")
    assert run.attempts("ChargePayment") == 9
    assert run.visited[4:] == [
        "ChargePayment",
        "GiveStockBack",
        "ParseCause",
        "CauseAsJson",
        "IsInputLarge",
        "WriteLetter",
        "ArchiveLetter",
        "SendLetter",
        "MarkLetterSent",
        "Failed",
    ]
    assert (stock(shop, order), charge(shop, order)) == (10, None)
    letter = the_letter(shop, run)
    cause = letter.pop("cause")
    assert cause["errorMessage"] == (
        "the payment provider failed: ProviderOutageError: the provider has an outage"
    )
    assert cause["errorType"] == "PaymentProviderUnavailable"
    [given_up_ms] = run.entered_ms("GiveStockBack")
    assert letter == {
        "schemaVersion": 1,
        "executionArn": run.arn,
        "executionName": order["orderId"],
        "stateMachineArn": run.execution.state_machine_arn,
        "stateMachineVersion": None,
        "state": "ChargePayment",
        "error": "PaymentProviderUnavailable",
        "attempts": 9,
        "input": order,
        "correlationId": order["orderId"],
        "redriveCount": 0,
        "startTime": instant(run.execution.start_ms),
        "failedAt": iso_ms(given_up_ms),
        "replayOf": None,
    }


def test_a_failed_compensation_is_told_in_the_letter(shop: LocalApp, order: Order) -> None:
    shop.mock("Order", "ChargePayment", [Failure("PaymentProviderUnavailable")])
    shop.mock("Order", "GiveStockBack", [BROKEN])
    run = place(shop, order).assert_failed("PaymentProviderUnavailable")
    assert the_letter(shop, run)["compensationFailure"] == {
        "state": "GiveStockBack",
        "error": "Broken",
        "cause": "for good",
    }
    assert stock(shop, order) == 8
