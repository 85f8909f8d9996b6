"""Each Task fails once, before or after its side effect, and the order ends as if nothing had
been: what is called twice does once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pytest

from sfnlocal.services.functions import Invocation
from sfnlocal.testing import CALL, Failure, LocalApp, Lost
from tests.workflows.shop import (
    an_order,
    left_behind,
    place,
    runs_of,
    sku_of,
    stock,
    stock_up,
    the_letter,
)
from tests.workflows.states import tasks

Outcome: TypeAlias = Lost | Failure
Cases: TypeAlias = Mapping[tuple[str, str], Sequence[Outcome]]

LAMBDA: list[Outcome] = [
    Lost("Lambda.SdkClientException"),
    Lost("States.Timeout"),
    Failure("Lambda.TooManyRequestsException"),
]
DYNAMODB: list[Outcome] = [
    Lost("DynamoDB.SdkClientException"),
    Failure("DynamoDB.ThrottlingException"),
]
SQS: list[Outcome] = [Lost("SQS.SdkClientException"), Failure("SQS.RequestThrottledException")]
STATES: list[Outcome] = [
    Lost("StepFunctions.SdkClientException"),
    Failure("StepFunctions.ThrottlingException"),
]
S3: list[Outcome] = [Lost("S3.SdkClientException"), Failure("S3.SlowDownException")]

# More than a letter carries itself.
LARGE = "x" * 170_000

# What the story of a completed order calls.
COMPLETED: Cases = {
    ("Order", "ValidateOrder"): LAMBDA,
    ("Order", "RecordReceived"): DYNAMODB,
    ("Order", "ReserveStock"): [
        *LAMBDA,
        Lost("Sandbox.Timedout"),
        Failure("TransactionConflict"),
    ],
    ("Order", "ChargePayment"): [
        *LAMBDA,
        Lost("Sandbox.Timedout"),
        Lost("PaymentProviderUnavailable"),
        Lost("IdempotencyPersistenceLayerError"),
        Failure("IdempotencyAlreadyInProgressError"),
    ],
    ("Order", "RecordPaid"): DYNAMODB,
    ("Order", "SendInvoice"): SQS,
    ("Order", "Fulfil"): STATES,
    ("Fulfilment", "ReadShipments"): DYNAMODB,
    ("Fulfilment", "HandOverToWarehouse"): SQS,
    ("Fulfilment", "RecordShipment"): DYNAMODB,
    ("Order", "RecordCompleted"): DYNAMODB,
}
# What only a rejected order calls.
REJECTED: Cases = {("Order", "ReleaseStock"): LAMBDA, ("Order", "RecordRejected"): DYNAMODB}
# What only a failed order calls.
FAILED: Cases = {
    ("Order", "GiveStockBack"): LAMBDA,
    ("Order", "StoreInput"): S3,
    ("Order", "ArchiveLetter"): DYNAMODB,
    ("Order", "MarkLetterSent"): DYNAMODB,
}
# What has tests in test_replay and test_fulfilment_runs.
OTHERS = {("Order", "SendLetter"), ("Order", "ReadFulfilment")}


CALLED = {
    "tok_visa": {
        "validate_order",
        "reserve_stock",
        "charge_payment",
        "payment_provider",
        "create_invoice",
        "warehouse",
    },
    "tok_declined": {
        "validate_order",
        "reserve_stock",
        "charge_payment",
        "payment_provider",
        "release_stock",
    },
}


def kind(outcome: Outcome) -> str:
    return "answer lost" if isinstance(outcome, Lost) else "not called"


def cases(table: Cases) -> list[Any]:
    return [
        pytest.param(
            machine, state, outcome, id=f"{state} {type(outcome).__name__} {outcome.error}"
        )
        for (machine, state), outcomes in table.items()
        for outcome in outcomes
    ]


@pytest.fixture(scope="module")
def calm(shop: LocalApp) -> dict[str, dict[str, Any]]:
    """What orders leave behind when nothing fails, by their card."""
    found = {}
    for card, order_id in (("tok_visa", "good"), ("tok_declined", "declined")):
        order = an_order(order_id, sku=f"{order_id}_sku", cardToken=card)
        stock_up(shop, sku_of(order))
        place(shop, order).assert_succeeded()
        found[card] = left_behind(shop, order)
    return found


def test_every_task_is_here(definitions: dict[str, Any]) -> None:
    here = {*COMPLETED, *REJECTED, *FAILED, *OTHERS}
    there = {
        (machine, state)
        for machine in ("Order", "Fulfilment")
        for state, _ in tasks(definitions[machine])
    }
    assert here == there


@pytest.mark.parametrize(("machine", "state", "outcome"), cases(COMPLETED))
def test_a_completed_order(
    calm: dict[str, Any],
    shop: LocalApp,
    order: dict[str, Any],
    machine: str,
    state: str,
    outcome: Outcome,
) -> None:
    shop.mock(machine, state, [outcome, CALL])
    run = place(shop, order).assert_succeeded()
    [child] = runs_of(shop, order, "Fulfilment").values()
    assert (run if machine == "Order" else child).attempts(state) == 2
    assert "SendLetter" not in run.visited
    assert left_behind(shop, order) == calm["tok_visa"]


@pytest.mark.parametrize(("machine", "state", "outcome"), cases(REJECTED))
def test_a_rejected_order(
    calm: dict[str, Any],
    shop: LocalApp,
    order: dict[str, Any],
    machine: str,
    state: str,
    outcome: Outcome,
) -> None:
    order = {**order, "cardToken": "tok_declined"}
    shop.mock(machine, state, [outcome, CALL])
    run = place(shop, order).assert_succeeded()
    assert (run.attempts(state), run.visited[-1]) == (2, "Rejected")
    assert left_behind(shop, order) == calm["tok_declined"]


@pytest.mark.parametrize(("machine", "state", "outcome"), cases(FAILED))
def test_a_failed_order_gives_back_once_and_leaves_one_letter(
    shop: LocalApp,
    order: dict[str, Any],
    machine: str,
    state: str,
    outcome: Outcome,
) -> None:
    if state == "StoreInput":
        order = {**order, "cardToken": LARGE}
    shop.mock("Order", "ChargePayment", [Failure("Broken")])
    shop.mock(machine, state, [outcome, CALL])
    run = place(shop, order).assert_failed()

    assert run.attempts(state) == 2
    assert stock(shop, order) == 10
    assert ("inputLocation" in the_letter(shop, run)) == (state == "StoreInput")


# A call that takes longer than its task's time-out: nobody hears the answer that comes late.
@pytest.mark.parametrize(
    "state", ["ReserveStock", "ChargePayment", "RecordPaid", "SendInvoice", "RecordCompleted"]
)
def test_a_call_that_hangs_is_given_up_and_made_again(
    calm: dict[str, Any], shop: LocalApp, order: dict[str, Any], state: str
) -> None:
    shop.mock("Order", state, [Lost("Late", elapsed_ms=60_000), CALL])
    run = place(shop, order).assert_succeeded()
    assert run.attempts(state) == 2
    [timed_out] = [event for event in run.events if event["type"] == "TaskTimedOut"]
    assert timed_out["taskTimedOutEventDetails"]["error"] == "States.Timeout"
    assert left_behind(shop, order) == calm["tok_visa"]


@pytest.mark.parametrize(
    ("state", "error", "attempts"),
    [
        ("ChargePayment", "Lambda.TooManyRequestsException", 7),
        ("ChargePayment", "Sandbox.Timedout", 3),
        ("ChargePayment", "States.Timeout", 3),
        ("ChargePayment", "PaymentProviderUnavailable", 9),
        ("ChargePayment", "IdempotencyAlreadyInProgressError", 5),
        ("RecordPaid", "DynamoDB.ThrottlingException", 7),
        ("SendInvoice", "SQS.RequestThrottledException", 7),
        ("Fulfil", "StepFunctions.ThrottlingException", 7),
        ("Fulfil", "States.Timeout", 1),
        ("Fulfil", "States.TaskFailed", 1),
        ("ReserveStock", "Lambda.ResourceNotFoundException", 1),
    ],
)
def test_retries_end(
    shop: LocalApp, order: dict[str, Any], state: str, error: str, attempts: int
) -> None:
    shop.mock("Order", state, [Failure(error)])
    run = place(shop, order).assert_failed(error)
    assert run.attempts(state) == attempts
    assert run.visited[-1] == "Failed"
    before_the_charge = state in ("ReserveStock", "ChargePayment")
    assert stock(shop, order) == (10 if before_the_charge else 8)


@pytest.mark.parametrize("heard", [0, 1], ids=["first answer", "second answer"])
@pytest.mark.parametrize("card", ["tok_visa", "tok_declined"])
def test_every_function_may_be_called_twice(
    calm: dict[str, Any],
    shop: LocalApp,
    order: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    card: str,
    heard: int,
) -> None:
    """The tasks', the provider's, the invoices' and the warehouse's, each with the same event."""
    functions = shop.session.functions
    invoke, called = functions.invoke, set()

    def invoke_twice(name: str, *arguments: Any, **more: Any) -> Invocation:
        called.add(functions.find(name).handler.split(".")[-2])
        return [invoke(name, *arguments, **more) for _ in range(2)][heard]

    monkeypatch.setattr(functions, "invoke", invoke_twice)
    order = {**order, "cardToken": card}
    place(shop, order).assert_succeeded()
    assert left_behind(shop, order) == calm[card]
    assert called == CALLED[card]
