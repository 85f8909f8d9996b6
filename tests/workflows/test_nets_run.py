"""Both nets at work: whatever ends an order leaves one letter, and only one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Success
from tests.workflows.nets import (
    begin_sweep,
    lose_events,
    of,
    record,
    recorders,
    stop_after,
    sweep,
    tell_again,
)
from tests.workflows.shop import (
    archived,
    iso,
    iso_ms,
    letters,
    place,
    replay,
    runs_of,
    stock,
    stop,
    the_letter,
)

BROKEN = Failure("Broken", "for good")
LARGE = "語" * 60_000

Order = dict[str, Any]


# Net 1: large inputs, and a branch that fails itself


@pytest.mark.parametrize("bucket", ["takes it", "is down"])
def test_a_large_input_is_left_outside_the_letter_and_replayed(
    shop: LocalApp, order: Order, bucket: str
) -> None:
    order = {**order, "customerId": LARGE}
    if bucket == "is down":
        shop.mock("Order", "StoreInput", [Failure("S3.S3Exception", "Slow down")])
    run = place(shop, order).assert_failed("OrderInvalid")
    letter = the_letter(shop, run)
    assert "input" not in letter
    location = letter["inputLocation"]
    if bucket == "is down":
        assert run.attempts("StoreInput") == 7
        assert location == {"executionArn": run.arn}
    else:
        assert location["key"] == f"{run.execution.state_machine_name}/{order['orderId']}.json"
        stored = shop.client("s3").get_object(Bucket=location["bucket"], Key=location["key"])
        assert json.loads(stored["Body"].read()) == order

    assert replay(shop)[-1] == "1 replayed, 0 left in the queue"
    shop.run_until_idle()
    [_, again] = runs_of(shop, order).values()
    assert again.execution.input == order


CAUSES = [
    *(("", ""), ("no JSON", "no JSON"), ("{'a': 1}", "{'a': 1}"), ("[1]", "[1]")),
    ('{"cut": "of', '{"cut": "of'),
    ('{"a": [1]}', {"a": [1]}),
    ("語" * 30_000, "語" * 8_000),
]


@pytest.mark.parametrize(("cause", "told"), CAUSES, ids=lambda value: str(value)[:12])
def test_a_cause_is_parsed_where_it_is_an_object_and_cut_where_it_is_long(
    shop: LocalApp, order: Order, cause: str, told: Any
) -> None:
    shop.mock("Order", "RecordReceived", [Failure("Broken", cause)])
    run = place(shop, order).assert_failed("Broken")
    assert the_letter(shop, run)["cause"] == told


@pytest.mark.parametrize("state", ["ArchiveLetter", "SendLetter", "MarkLetterSent"])
def test_when_the_branch_fails_the_run_tells_the_first_error_and_the_recorder_goes_on(
    shop: LocalApp, order: Order, state: str
) -> None:
    shop.mock("Order", state, [BROKEN])
    lose_events(shop)
    run = place(shop, {}, order["orderId"]).assert_failed("OrderInvalid")
    before = len(letters(shop))
    assert before == (state == "MarkLetterSent")
    assert archived(shop, run).get("status") == (None if state == "ArchiveLetter" else "PENDING")

    tell_again(shop, run)
    assert record(shop, run).visited[-1] == "Recorded"
    # Sent but not marked: nobody can tell that from archived but not sent.
    assert len(letters(shop)) == before + 1
    assert letters(shop)[-1]["error"] == "OrderInvalid"
    assert letters(shop)[-1]["state"] == (None if state == "ArchiveLetter" else "ValidateOrder")
    assert archived(shop, run)["status"] == "SENT"
    tell_again(shop, run)
    assert record(shop, run).visited[-1] == "AlreadyRecorded"


# Net 2: what no Catch can see


def test_the_letter_of_an_order_that_was_stopped(shop: LocalApp, order: Order) -> None:
    run = stop_after(shop, order, seconds=1)
    assert letters(shop) == []
    assert record(shop, run).visited[-1] == "Recorded"
    assert the_letter(shop, run) == {
        "schemaVersion": 1,
        "executionArn": run.arn,
        "executionName": order["orderId"],
        "stateMachineArn": run.execution.state_machine_arn,
        "stateMachineVersion": None,
        "state": None,
        "error": "Stopped",
        "cause": "by hand",
        "attempts": None,
        "input": order,
        "correlationId": order["orderId"],
        "redriveCount": 0,
        "startTime": iso_ms(run.execution.start_ms),
        "failedAt": iso_ms(run.execution.start_ms + 1_000),
        "replayOf": None,
    }


def test_the_letter_of_an_order_that_timed_out(shop: LocalApp, order: Order) -> None:
    never = {**order, "shipAt": iso(shop.now + timedelta(days=400)), "totalCents": 2500}
    shop.mock("Order", "ValidateOrder", [Success({"Payload": never})])
    run = place(shop, order)
    assert run.status == "TIMED_OUT"
    record(shop, run)
    letter = the_letter(shop, run)
    assert (letter["error"], letter["state"], letter["input"]) == ("TIMED_OUT", None, order)
    assert letter["failedAt"] == iso_ms(run.execution.start_ms + 360 * 86_400_000)


def test_an_order_that_was_stopped_after_its_charge_is_replayed_from_there(
    shop: LocalApp, order: Order
) -> None:
    record(shop, stop_after(shop, order, seconds=1))
    assert stock(shop, order) == 8
    replay(shop)
    shop.run_until_idle()
    [_, again] = runs_of(shop, order).values()
    again.assert_succeeded()
    assert "ChargePayment" not in again.visited
    assert stock(shop, order) == 8


def test_both_nets_leave_one_letter(shop: LocalApp, order: Order) -> None:
    run = place(shop, {}, order["orderId"]).assert_failed("OrderInvalid")
    before = the_letter(shop, run)
    tell_again(shop, run)
    shop.run_until_idle()
    assert [one.visited[-1] for one in recorders(shop, run)] == ["AlreadyRecorded"] * 2
    assert the_letter(shop, run) == before


def test_an_event_that_comes_twice_is_recorded_once(shop: LocalApp, order: Order) -> None:
    run = stop_after(shop, order, seconds=1)
    tell_again(shop, run)
    shop.advance(minutes=1)
    ends = [recorder.assert_succeeded().visited[-1] for recorder in recorders(shop, run)]
    assert sorted(ends) == ["AlreadyRecorded", "Recorded"]
    assert the_letter(shop, run)["error"] == "Stopped"


def test_a_run_that_goes_on_is_no_failure(shop: LocalApp, order: Order) -> None:
    """Redriven since its event was sent."""
    run = shop.start("Order", order, order["orderId"])
    shop.advance(seconds=1)
    recorder = shop.start("Recorder", {"executionArn": run.arn, "status": "FAILED"})
    shop.advance(minutes=1)
    assert recorder.assert_succeeded().visited[-1] == "NothingToRecord"
    assert archived(shop, run) == {}


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("ReadExecution", "Sfn.SdkClientException"),
        ("ArchiveLetter", "DynamoDB.SdkClientException"),
        ("SendLetter", "SQS.SdkClientException"),
        ("MarkLetterSent", "DynamoDB.SdkClientException"),
    ],
)
def test_a_recorder_whose_call_loses_its_answer_still_leads_to_the_letter(
    shop: LocalApp, order: Order, state: str, error: str
) -> None:
    shop.mock("Recorder", state, [Lost(error), CALL])
    run = stop_after(shop, order, seconds=1)
    recorder = record(shop, run)
    if state == "ArchiveLetter":
        # Its own letter looks like another's: a later sweep sends it.
        assert (recorder.visited[-1], letters(shop)) == ("AlreadyRecorded", [])
        shop.advance(minutes=16)
        [swept] = of(run, sweep(shop))
        assert swept.visited[-1] == "Recorded"
    assert len(letters(shop)) == (2 if state == "SendLetter" else 1)
    assert archived(shop, run)["status"] == "SENT"


def test_a_recorder_that_failed_is_made_good_by_a_later_one(shop: LocalApp, order: Order) -> None:
    shop.mock("Recorder", "SendLetter", [BROKEN, CALL])
    run = stop_after(shop, order, seconds=1)
    shop.advance(minutes=1)
    [failed] = recorders(shop, run)
    failed.assert_failed("Broken")

    tell_again(shop, run)
    assert record(shop, run).visited[-1] == "AlreadyRecorded"
    assert letters(shop) == []
    shop.advance(minutes=16)
    [swept] = of(run, sweep(shop))
    assert swept.visited[-1] == "Recorded"
    assert the_letter(shop, run)["error"] == "Stopped"


def test_a_run_whose_input_fits_no_state_is_recorded_as_told(shop: LocalApp, order: Order) -> None:
    """DescribeExecution gives the input as a text, in which each of its quotes is two bytes."""
    run = shop.start("Order", {"quotes": '"' * 130_000}, order["orderId"])
    stop(shop, run)
    record(shop, run).assert_visited("ReadExecution", "TakeAsTold", "Recorded")
    letter = the_letter(shop, run)
    assert (letter["error"], letter["executionName"]) == ("ABORTED", order["orderId"])
    assert letter["inputLocation"] == {"executionArn": run.arn}


# The sweep: what stands behind the rule


def test_the_sweep_finds_what_the_rule_missed_and_nothing_else(
    shop: LocalApp, order: Order
) -> None:
    shop.advance(hours=7)
    lose_events(shop, 2)
    orders = [{**order, "orderId": f"{order['orderId']}_{number}"} for number in range(3)]
    *missed, told = [stop_after(shop, one, seconds=1) for one in orders]
    record(shop, told)
    caught = place(shop, {}, f"{order['orderId']}_caught")
    shop.start("Order", order, order["orderId"])

    assert {one.execution.input["executionArn"]: one.visited[-1] for one in sweep(shop)} == {
        **{run.arn: "Recorded" for run in missed},
        told.arn: "AlreadyRecorded",
        caught.arn: "AlreadyRecorded",
    }
    assert len(letters(shop)) == 4
    shop.advance(hours=1)
    assert {one.visited[-1] for one in sweep(shop)} == {"AlreadyRecorded"}
    shop.advance(hours=6)
    assert sweep(shop) == []
    assert len(letters(shop)) == 4


@pytest.mark.parametrize(
    ("state", "error", "recorders"),
    [
        ("ListFailed", "Sfn.SdkClientException", 1),
        ("StartRecorder", "StepFunctions.SdkClientException", 2),
    ],
)
def test_a_sweep_whose_call_loses_its_answer_leads_to_one_letter(
    shop: LocalApp, order: Order, state: str, error: str, recorders: int
) -> None:
    shop.advance(hours=7)
    lose_events(shop)
    run = stop_after(shop, order, seconds=1)
    shop.mock("Sweep", state, [Lost(error), CALL])
    assert len(sweep(shop)) == recorders
    assert the_letter(shop, run)["error"] == "Stopped"


def test_a_sweep_that_is_run_twice_at_once_leads_to_one_letter(
    shop: LocalApp, order: Order
) -> None:
    """Express runs at least once, and the schedule starts it at least once.
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    """
    shop.advance(hours=7)
    lose_events(shop)
    run = stop_after(shop, order, seconds=1)
    begun = [begin_sweep(shop), begin_sweep(shop)]
    shop.advance(minutes=1)
    for one in begun:
        one.assert_succeeded()
    ends = [one.assert_succeeded().visited[-1] for one in of(run, shop.executions("Recorder"))]
    assert sorted(ends) == ["AlreadyRecorded", "Recorded"]
    assert the_letter(shop, run)["error"] == "Stopped"


def test_the_sweep_reads_every_page(shop: LocalApp, order: Order) -> None:
    """Runs are listed by their start, and what started first may fail last."""
    late = shop.start("Order", order, order["orderId"])
    for number in range(100):
        stop(shop, shop.start("Order", {}, f"{order['orderId']}_{number}"))
    shop.advance(hours=7)
    lose_events(shop)
    stop(shop, late)
    [recorder] = sweep(shop)
    assert recorder.execution.input["executionArn"] == late.arn
    [first, second] = shop.executions("Sweep")[-2:]
    assert second.execution.input["lists"][0]["nextToken"]
    assert (first.status, second.status) == ("SUCCEEDED", "SUCCEEDED")
