"""The machines run as deployed, in virtual time: outcomes, nets, and what a replay finds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfnlocal.driver.mocks import CALL, Failure, Success
from sfnlocal.testing.local_app import LocalApp
from sfnlocal.testing.run import Run

OUTAGE = Failure("PaymentProviderUnavailable", '{"errorType": "PaymentProviderUnavailable"}')
CONDITION_FAILED = Failure("DynamoDB.ConditionalCheckFailedException", "")
BROKEN = Failure("Broken", "for good")


def an_order(order_id: str = "o-1", **changes: Any) -> dict[str, Any]:
    return {
        "orderId": order_id,
        "customerId": "c-7",
        "shipAt": "2026-01-02T09:00:00Z",
        "currency": "EUR",
        "cardToken": "tok_visa",
        "lines": [{"sku": "mug", "quantity": 2, "unitPriceCents": 1250}],
        **changes,
    }


@pytest.fixture
def shop(sfn: LocalApp) -> LocalApp:
    for sku in ("mug", "backorder-cup"):
        sfn.put_item("Stock", {"sku": sku, "available": 10})
    return sfn


def stock(shop: LocalApp, sku: str = "mug") -> int:
    return next(int(item["available"]) for item in shop.items("Stock") if item["sku"] == sku)


def charges(shop: LocalApp) -> list[str]:
    return [item["chargeId"] for item in shop.items("Payments") if "chargeId" in item]


def the_letter(shop: LocalApp) -> dict[str, Any]:
    """The one letter: in the queue and, the same, in the archive."""
    (message,) = shop.messages("OrderDeadLetters")
    (item,) = shop.items("DeadLetters")
    assert json.loads(item["letter"]) == message
    assert item["status"] == "SENT"
    assert (item["executionArn"], item["redriveCount"]) == (message["executionArn"], 0)
    return dict(message)


def record(shop: LocalApp, failed: Run) -> Run:
    return shop.run("Recorder", {"executionArn": failed.arn}).assert_succeeded()


def test_an_order_is_charged_once_waits_and_ships(shop: LocalApp) -> None:
    run = shop.run("Order", an_order(), "o-1")
    (charge,) = charges(shop)
    run.assert_succeeded(
        {
            "orderId": "o-1",
            "status": "COMPLETED",
            "chargeId": charge,
            "totalCents": 2500,
            "shipments": [{"handOver": 1, "shipped": [{"sku": "mug", "quantity": 2}]}],
        }
    )
    assert stock(shop) == 8
    assert [invoice["orderId"] for invoice in shop.items("Invoices")] == ["o-1"]
    assert shop.items("DeadLetters") == []


def test_a_duplicate_ends_with_the_stored_outcome_and_does_nothing(shop: LocalApp) -> None:
    first = shop.run("Order", an_order(), "o-1")
    second = shop.run("Order", an_order(), "o-1-again").assert_succeeded(first.output)
    assert second.visited == ["ValidateOrder", "RecordReceived", "WhereItStands", "Completed"]
    assert stock(shop) == 8


def test_a_declined_card_gives_the_stock_back_and_is_an_outcome(shop: LocalApp) -> None:
    run = shop.run("Order", an_order(cardToken="tok_declined"), "o-1")
    run.assert_succeeded({"orderId": "o-1", "status": "REJECTED", "reason": "CardDeclined"})
    assert stock(shop) == 10
    again = shop.run("Order", an_order(cardToken="tok_declined"), "o-1-again")
    again.assert_succeeded(run.output)


def test_sold_out_is_an_outcome(shop: LocalApp) -> None:
    lines = [{"sku": "mug", "quantity": 11, "unitPriceCents": 1250}]
    run = shop.run("Order", an_order(lines=lines), "o-1")
    run.assert_succeeded({"orderId": "o-1", "status": "REJECTED", "reason": "OutOfStock"})
    assert shop.items("DeadLetters") == []


def test_a_failed_charge_gives_the_stock_back_and_leaves_one_letter(shop: LocalApp) -> None:
    shop.mock("Order", "ChargePayment", [OUTAGE])
    run = shop.run("Order", an_order(), "o-1").assert_failed("PaymentProviderUnavailable")
    assert stock(shop) == 10
    letter = the_letter(shop)
    assert (letter["state"], letter["attempts"]) == ("ChargePayment", run.attempts("ChargePayment"))
    assert letter["cause"] == {"errorType": "PaymentProviderUnavailable"}
    assert letter["input"] == an_order()


def test_its_replay_is_as_a_run_without_a_fault(shop: LocalApp) -> None:
    shop.mock("Order", "ChargePayment", [OUTAGE])
    shop.run("Order", an_order(), "o-1").assert_failed()
    shop.mock("Order", "ChargePayment", [])
    shop.run("Order", the_letter(shop)["input"], "o-1-replay-1").assert_succeeded()
    assert stock(shop) == 8
    assert len(charges(shop)) == 1


def test_after_the_charge_the_stock_stays_and_a_replay_goes_on_from_there(shop: LocalApp) -> None:
    shop.mock("Order", "SendInvoice", [BROKEN])
    shop.run("Order", an_order(), "o-1").assert_failed("Broken")
    assert stock(shop) == 8
    shop.mock("Order", "SendInvoice", [])
    replay = shop.run("Order", the_letter(shop)["input"], "o-1-replay-1").assert_succeeded()
    assert "ReserveStock" not in replay.visited
    assert "ChargePayment" not in replay.visited
    assert len(charges(shop)) == 1


def test_a_charge_that_was_not_recorded_is_found_again(shop: LocalApp) -> None:
    shop.mock("Order", "RecordPaid", [BROKEN])
    shop.run("Order", an_order(), "o-1").assert_failed("Broken")
    shop.mock("Order", "RecordPaid", [])
    shop.run("Order", an_order(), "o-1-replay-1").assert_succeeded()
    assert len(charges(shop)) == 1
    assert stock(shop) == 8


def test_a_failed_compensation_is_told_in_the_letter(shop: LocalApp) -> None:
    shop.mock("Order", "ChargePayment", [OUTAGE])
    shop.mock("Order", "GiveStockBack", [BROKEN])
    shop.run("Order", an_order(), "o-1").assert_failed("PaymentProviderUnavailable")
    assert the_letter(shop)["compensationFailure"] == {
        "state": "GiveStockBack",
        "error": "Broken",
        "cause": "for good",
    }


def test_another_order_under_the_same_id_leaves_the_first_ones_stock_alone(shop: LocalApp) -> None:
    shop.mock("Order", "RecordPaid", [BROKEN])
    shop.run("Order", an_order(), "o-1").assert_failed("Broken")
    lines = [{"sku": "mug", "quantity": 1, "unitPriceCents": 1250}]
    run = shop.run("Order", an_order(lines=lines), "o-1-other").assert_failed("OrderInvalid")
    assert "GiveStockBack" not in run.visited
    assert stock(shop) == 8


def test_an_invalid_order_is_tried_once(shop: LocalApp) -> None:
    run = shop.run("Order", "no order at all", "o-1").assert_failed("OrderInvalid")
    assert run.attempts("ValidateOrder") == 1
    letter = the_letter(shop)
    assert (letter["state"], letter["input"]) == ("ValidateOrder", "no order at all")


@pytest.mark.parametrize("cause", ["", "no JSON", "{'a': 1}", '{"cut": "of', "[1]", '{"a": [1]}'])
def test_a_cause_is_parsed_where_it_is_an_object(shop: LocalApp, cause: str) -> None:
    shop.mock("Order", "RecordReceived", [Failure("Broken", cause)])
    run = shop.run("Order", an_order(), "o-1").assert_failed("Broken")
    assert (run.cause or "") == cause
    assert the_letter(shop)["cause"] == ({"a": [1]} if cause == '{"a": [1]}' else cause)


def test_a_large_input_waits_in_the_bucket(shop: LocalApp) -> None:
    order = an_order(customerId="語" * 50_000)
    run = shop.run("Order", order, "o-1").assert_failed()
    location = the_letter(shop)["inputLocation"]
    stored = shop.client("s3").get_object(Bucket=location["bucket"], Key=location["key"])
    assert json.loads(stored["Body"].read()) == order
    assert run.execution.name in location["key"]


def test_a_letter_goes_out_even_when_its_input_cannot_be_stored(shop: LocalApp) -> None:
    shop.mock("Order", "StoreInput", [Failure("S3.S3Exception", "Slow down")])
    run = shop.run("Order", an_order(customerId="語" * 50_000), "o-1").assert_failed()
    assert the_letter(shop)["inputLocation"] == {"executionArn": run.arn}


def test_the_recorder_adds_nothing_to_a_letter_that_was_sent(shop: LocalApp) -> None:
    failed = shop.run("Order", {}, "o-1").assert_failed()
    assert record(shop, failed).visited[-1] == "AlreadyRecorded"
    assert the_letter(shop)["state"] == "ValidateOrder"


def test_an_archived_letter_that_its_run_could_not_send_is_sent_by_the_recorder(
    shop: LocalApp,
) -> None:
    shop.mock("Order", "SendLetter", [BROKEN])
    failed = shop.run("Order", {}, "o-1").assert_failed("OrderInvalid")
    record(shop, failed)
    assert the_letter(shop)["state"] == "ValidateOrder"


def test_a_letter_that_could_not_be_archived_is_written_by_the_recorder(shop: LocalApp) -> None:
    shop.mock("Order", "ArchiveLetter", [BROKEN])
    failed = shop.run("Order", {}, "o-1").assert_failed("OrderInvalid")
    record(shop, failed)
    assert the_letter(shop)["error"] == "OrderInvalid"


def test_a_put_whose_answer_was_lost_still_leads_to_its_letter(shop: LocalApp) -> None:
    shop.mock("Order", "ArchiveLetter", [CONDITION_FAILED])
    shop.run("Order", {}, "o-1").assert_failed("OrderInvalid").assert_visited("MarkLetterSent")
    (message,) = shop.messages("OrderDeadLetters")
    assert message["executionName"] == "o-1"


def test_a_recorder_leaves_a_young_letter_to_the_one_that_writes_it(shop: LocalApp) -> None:
    run = shop.start("Order", an_order(), "o-1")
    shop.advance(seconds=1)
    shop.session.stop_execution(run.arn, "Stopped", "by hand")
    shop.mock("Recorder", "SendLetter", [BROKEN])
    shop.run("Recorder", {"executionArn": run.arn}).assert_failed("Broken")
    shop.mock("Recorder", "SendLetter", [])

    assert record(shop, run).visited[-1] == "AlreadyRecorded"
    assert shop.messages("OrderDeadLetters") == []

    shop.advance(minutes=16)
    assert record(shop, run).visited[-1] == "Recorded"
    letter = the_letter(shop)
    assert (letter["error"], letter["cause"], letter["state"]) == ("Stopped", "by hand", None)


def test_a_run_whose_input_cannot_be_read_in_a_state_is_recorded_as_told(shop: LocalApp) -> None:
    run = shop.start("Order", {"quotes": '"' * 130_000}, "o-1")
    shop.session.stop_execution(run.arn, "Stopped", "by hand")
    told = {"executionArn": run.arn, "status": "ABORTED", "redriveCount": 0}
    shop.run("Recorder", told).assert_succeeded().assert_visited("TakeAsTold")
    letter = the_letter(shop)
    assert (letter["error"], letter["executionName"]) == ("ABORTED", "o-1")
    assert letter["inputLocation"] == {"executionArn": run.arn}


def test_a_run_that_goes_on_is_no_failure(shop: LocalApp) -> None:
    run = shop.start("Order", an_order(), "o-1")
    shop.advance(seconds=1)
    recorder = shop.start("Recorder", {"executionArn": run.arn})
    assert shop.finish(recorder).visited[-1] == "NothingToRecord"


def test_a_fulfilment_that_exists_is_waited_for(shop: LocalApp) -> None:
    shop.mock("Order", "Fulfil", [Failure("StepFunctions.ExecutionAlreadyExistsException", "")])
    described = [{"Status": status} for status in ("RUNNING", "RUNNING", "SUCCEEDED")]
    shop.mock("Order", "ReadFulfilment", [Success(answer) for answer in described])
    run = shop.run("Order", an_order(), "o-1").assert_succeeded()
    assert run.visited.count("WaitForFulfilment") == 2


def test_a_fulfilment_that_exists_and_failed_is_a_letter(shop: LocalApp) -> None:
    shop.mock("Order", "Fulfil", [Failure("StepFunctions.ExecutionAlreadyExistsException", "")])
    shop.mock("Order", "ReadFulfilment", [Success({"Status": "ABORTED"})])
    shop.run("Order", an_order(), "o-1").assert_failed("States.TaskFailed")
    letter = the_letter(shop)
    assert (letter["state"], letter["cause"]) == ("Fulfil", "ABORTED")


def test_a_replay_hands_over_only_what_has_not_shipped(shop: LocalApp) -> None:
    lines = [
        {"sku": "mug", "quantity": 1, "unitPriceCents": 1250},
        {"sku": "backorder-cup", "quantity": 1, "unitPriceCents": 700},
    ]
    shop.mock("Fulfilment", "HandOverToWarehouse", [CALL, BROKEN])
    shop.run("Order", an_order(lines=lines), "o-1").assert_failed("States.TaskFailed")
    letter = the_letter(shop)
    assert (letter["state"], letter["cause"]["Error"]) == ("Fulfil", "Broken")

    shop.mock("Fulfilment", "HandOverToWarehouse", [])
    replay = shop.run("Order", letter["input"], "o-1-replay-1").assert_succeeded()
    assert replay.output["shipments"] == [
        {"handOver": 1, "shipped": [{"sku": "mug", "quantity": 1}]},
        {"handOver": 2, "shipped": [{"sku": "backorder-cup", "quantity": 1}]},
    ]


def test_what_never_ships_ends_after_three_hand_overs(shop: LocalApp) -> None:
    def warehouse(message: Any) -> None:
        answer = {"shipped": [], "backordered": message.body["lines"]}
        shop.session.send_task_success(message.body["taskToken"], answer)

    shop.on_message("WarehouseQueue", warehouse)
    shop.run("Order", an_order(), "o-1").assert_failed("States.TaskFailed")
    (child,) = shop.executions("Fulfilment")
    assert (child.error, child.attempts("HandOverToWarehouse")) == ("BackordersRemain", 3)
    assert child.visited.count("WaitForRestock") == 2


def test_the_sweep_records_page_by_page_what_failed_unheard(shop: LocalApp) -> None:
    runs = [shop.start("Order", an_order(f"o-{number}"), f"o-{number}") for number in range(3)]
    shop.advance(seconds=1)
    for run in runs[:2]:
        shop.session.stop_execution(run.arn, "Stopped", "by hand")
    old = {"ExecutionArn": runs[2].arn, "Status": "ABORTED", "StopDate": "2025-12-31T17:00:00Z"}
    listed = [
        {"ExecutionArn": run.arn, "Status": "ABORTED", "StopDate": "2026-01-01T00:00:01Z"}
        for run in runs[:2]
    ]
    pages = [{"Executions": [listed[0], old], "NextToken": "t"}, {"Executions": listed[1:]}]
    shop.mock("Sweep", "ListFailed", [Success(page) for page in pages])
    lists = [{"stateMachineArn": runs[0].execution.state_machine_arn, "status": "ABORTED"}]
    shop.start("Sweep", {"lists": lists})
    shop.advance(minutes=1)

    first, following = shop.executions("Sweep")
    assert (first.status, following.status) == ("SUCCEEDED", "SUCCEEDED")
    assert following.execution.input["lists"] == [{**lists[0], "nextToken": "t"}]
    assert [letter["executionName"] for letter in shop.messages("OrderDeadLetters")] == [
        "o-0",
        "o-1",
    ]
