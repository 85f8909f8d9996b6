"""The order workflow: every single fault from the customer's order to its shipment."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.callers import ask, trust_issuer
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.workflows.shop import an_order, iso, stock_up

IN_STOCK = 10
ORDERED = 2
# Who orders says the token, and which order it is, the key.
SAID_BY_THE_FRONT = ("orderId", "customerId")
# No order; escaped as a message in a state's arguments it is over 256 KiB.
LARGE = {"orderId": "o-1", "note": '"' * 70_000}


# The Fulfilment runs, or has run, and the order does not know it.
START_UNHEARD = Fault("state:Order/Fulfil#1", "lost:StepFunctions.AWSStepFunctionsException")
START_REFUSED = Fault(
    "state:Order/Fulfil#1", "refused:StepFunctions.ExecutionAlreadyExistsException"
)


def full_shelves(app: LocalApp) -> None:
    for sku in ("mug", "backorder-mug", "discontinued-mug"):
        stock_up(app, sku, IN_STOCK)


def empty_shelves(app: LocalApp) -> None:
    stock_up(app, "mug", 0)


def ordered_before(app: LocalApp) -> None:
    """The customer has pressed the button twice, a day apart."""
    full_shelves(app)
    app.run("Order", an_order(), "o-1-before").assert_succeeded()


def rejected_before(app: LocalApp) -> None:
    empty_shelves(app)
    app.run("Order", an_order(), "o-1-before").assert_succeeded()


def requested(app: LocalApp) -> None:
    """The customer sends the order, under a key of the order's own, and may do so again."""
    body = {name: value for name, value in an_order().items() if name not in SAID_BY_THE_FRONT}
    headers = {"idempotency-key": "the-first-order"}
    ask(app, "POST", "/orders", api="OrderApi", json=body, headers=headers)


def customers(app: LocalApp) -> None:
    full_shelves(app)
    trust_issuer(app)


def in_a_month(app: LocalApp) -> dict[str, Any]:
    return an_order(shipAt=iso(app.now + timedelta(days=30)))


# What holds at any time


def stock_is_constant(app: LocalApp) -> None:
    """What is on the shelf and what orders hold is what there was."""
    held: dict[str, int] = {}
    for reservation in app.items("Reservations"):
        if reservation["status"] == "RESERVED":
            for sku, quantity in reservation["quantities"].items():
                held[sku] = held.get(sku, 0) + int(quantity)
    for item in app.items("Stock"):
        sku, available = item["sku"], int(item["available"])
        total = available + held.get(sku, 0)
        assert total in (0, IN_STOCK), f"{sku}: {available} on the shelf, {held.get(sku, 0)} held"


def paid_orders_hold_their_stock(app: LocalApp) -> None:
    held = {one["orderId"] for one in app.items("Reservations") if one["status"] == "RESERVED"}
    for order in app.items("Orders"):
        if order["status"] in ("PAID", "COMPLETED"):
            assert order["orderId"] in held, (
                f"{order['orderId']} is {order['status']} without stock"
            )
        if order["status"] == "REJECTED":
            assert order["orderId"] not in held, f"{order['orderId']} is rejected and holds stock"


def failed_orders_hold_no_stock(app: LocalApp) -> None:
    """Until it is charged, an order whose run has failed gives its stock back: perhaps nobody
    ever replays it. One that is ended from outside, or whose compensation failed, cannot; one that
    was charged another amount is another run's."""
    compensated = {
        letter["correlationId"]
        for letter in app.messages("OrderDeadLetters")
        if letter.get("state") not in (None, "ReleaseStock")
        and not letter.get("compensationFailure")
        and letter.get("error") != "IdempotencyValidationError"
    }
    held = {one["orderId"] for one in app.items("Reservations") if one["status"] == "RESERVED"}
    charged = charges(app)
    for order_id in sorted(compensated & held):
        assert order_id in charged, (
            f"the run of {order_id} failed before its charge and holds stock"
        )


def rejected_orders_are_not_charged(app: LocalApp) -> None:
    charged = charges(app)
    for order in app.items("Orders"):
        if order["status"] == "REJECTED":
            assert order["orderId"] not in charged, f"{order['orderId']} is rejected, and charged"


def shipped_once(app: LocalApp) -> None:
    import json

    for order in app.items("Orders"):
        shipped = sum(
            line["quantity"]
            for text in order.get("shipments", {}).values()
            for line in json.loads(text)
        )
        assert shipped <= ORDERED, f"{order['orderId']}: {shipped} shipped, {ORDERED} ordered"


# What must not happen twice


def charges(app: LocalApp) -> dict[str, int]:
    """By order: the provider's ledger has one entry an idempotency key."""
    found: dict[str, int] = {}
    order_ids = [order["orderId"] for order in app.items("Orders")]
    for payment in app.items("Payments"):
        key = payment["idempotencyKey"]
        order_id = next((one for one in order_ids if key.startswith(one)), key)
        found[order_id] = found.get(order_id, 0) + 1
    return found


def fulfilments(app: LocalApp) -> Counter[str]:
    """By the run that started them: a retry must not start a second one."""
    return Counter(
        run.execution.input["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"]
        for run in app.executions("Fulfilment")
    )


ORDER = Proof(
    state_machine="Order",
    machines=("Order", "Fulfilment"),
    scenarios=[
        Scenario(
            name="paid",
            about="an order in stock, paid and shipped",
            input=an_order(),
            execution_name="o-1",
            prepare=full_shelves,
        ),
        Scenario(
            name="backordered",
            about="the warehouse has to order the goods first",
            input=an_order(sku="backorder-mug"),
            execution_name="o-1",
            prepare=full_shelves,
        ),
        Scenario(
            name="ahead",
            about="to be shipped in 30 days",
            input=in_a_month,
            execution_name="o-1",
            prepare=full_shelves,
        ),
        Scenario(
            name="declined",
            about="the card is declined",
            input=an_order(cardToken="tok_declined"),
            execution_name="o-1",
            prepare=full_shelves,
        ),
        Scenario(
            name="sold-out",
            about="there is nothing left",
            input=an_order(),
            execution_name="o-1",
            prepare=empty_shelves,
        ),
        Scenario(
            name="again",
            about="an order that has been completed before",
            input=an_order(),
            execution_name="o-1",
            prepare=ordered_before,
        ),
        Scenario(
            name="rejected-again",
            about="an order that has been rejected before",
            input=an_order(),
            execution_name="o-1",
            prepare=rejected_before,
        ),
        Scenario(
            name="invalid",
            about="no order at all: a dead letter",
            input={"orderId": "o-1"},
            execution_name="o-1",
            prepare=full_shelves,
            expect="FAILED",
        ),
        Scenario(
            name="invalid-and-large",
            about="no order, too large for a letter",
            input=LARGE,
            execution_name="o-1",
            prepare=full_shelves,
            expect="FAILED",
        ),
        Scenario(
            name="requested",
            about="an order that comes over HTTP",
            prepare=customers,
            start=requested,
            recover=requested,
        ),
        Scenario(
            name="given-back",
            about="the stock goes back, since it is not known whether it was reserved",
            input=an_order(),
            execution_name="o-1",
            prepare=full_shelves,
            given=[Fault("state:Order/ReserveStock#1", "lost:UnforeseenError")],
            only=["GiveStockBack"],
            expect="FAILED",
        ),
        Scenario(
            name="kept",
            about="the stock stays, since the card may have been charged",
            input=an_order(),
            execution_name="o-1",
            prepare=full_shelves,
            given=[Fault("state:Order/ChargePayment#1", "lost:UnforeseenError")],
            only=["GiveStockBack"],
            expect="FAILED",
        ),
        Scenario(
            name="found-fulfilled",
            about="the fulfilment has ended when its start is repeated",
            input=an_order(),
            execution_name="o-1",
            prepare=full_shelves,
            given=[START_UNHEARD],
            only=["ReadFulfilment"],
        ),
        Scenario(
            name="found-failed",
            about="the fulfilment has failed when its start is repeated",
            input=an_order(),
            execution_name="o-1",
            prepare=full_shelves,
            given=[
                START_UNHEARD,
                Fault("state:Fulfilment/RecordShipment#1", "refused:UnforeseenError"),
            ],
            only=["ReadFulfilment"],
            expect="FAILED",
        ),
        Scenario(
            name="found-running",
            about="the fulfilment runs, and its start is not taken for a repeated one",
            input=an_order(sku="backorder-mug"),
            execution_name="o-1",
            prepare=full_shelves,
            given=[START_UNHEARD, START_REFUSED],
            only=["ReadFulfilment"],
        ),
        Scenario(
            name="still-missing",
            about="the warehouse never has the goods: a dead letter",
            input=an_order(sku="discontinued-mug"),
            execution_name="o-1",
            prepare=full_shelves,
            only=["HandOverToWarehouse"],
            expect="FAILED",
        ),
    ],
    dead_letters="OrderDeadLetters",
    replay=replay_from("DeadLetters"),
    letter_states=LETTER_STATES,
    schedules=("Orders/Sweep/Hourly",),
    effects={"charge of order": charges, "fulfilment of": fulfilments},
    invariants=[
        stock_is_constant,
        paid_orders_hold_their_stock,
        failed_orders_hold_no_stock,
        rejected_orders_are_not_charged,
        shipped_once,
    ],
    outcomes=("OutOfStock", "CardDeclined"),
    ignore={
        "DeadLetters": "the archive keeps each letter",
        "Audit": "a heal looks at a function at which orders fail, and says so",
    },
)
