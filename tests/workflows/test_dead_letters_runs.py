"""The DeadLetters machine on the queues of the order workflow: what it brings back, what it leaves
where it is, and what it says about it.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run
from tests.workflows.shop import an_order, empty, iso, letters, place, runs_of, status, stock_up

BROKEN = Failure("Broken", "for good")
QUEUE = "OrderDeadLetters"
CAUSE = "ChargePayment: Broken (for good)"


@pytest.fixture(scope="module")
def office(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    with sfn_load() as app:
        app.pause_schedules(except_for=["DeadLetters/BringBack"])
        stock_up(app, "mug", 1_000)
        yield app


@pytest.fixture
def desk(office: LocalApp) -> Iterator[LocalApp]:
    """Afterwards all queues are empty again, and no order goes on."""
    yield office
    office.session.mocks.clear()
    for run in office.executions():
        if run.status == "RUNNING":
            office.session.stop_execution(run.arn)
    # What was received can be seen again, and leases are over.
    office.advance(hours=1)
    for queue in (QUEUE, "InvoiceQueueDeadLetters", "LostEvents", "ParkedLetters"):
        empty(office, queue)


@pytest.fixture
def order(desk: LocalApp) -> dict[str, Any]:
    """Ships at once."""
    return an_order(f"o-{len(desk.executions())}", shipAt="2025-12-31T00:00:00Z")


def work(app: LocalApp, queue: str = QUEUE, **more: Any) -> Run:
    """An operator starts the machine, and it ends."""
    app.advance(seconds=1)
    run = app.start("DeadLetters", {"queue": queue, "reason": "a test", **more})
    app.finish(run)
    return run


def outcomes(run: Run) -> dict[str, int]:
    found: dict[str, int] = run.assert_succeeded().execution.output["outcomes"]
    return found


def fail(app: LocalApp, *orders: dict[str, Any]) -> list[Run]:
    """The orders fail for good at their charge; whoever is charged later is."""
    app.mock("Order", "ChargePayment", [BROKEN])
    runs = [app.start("Order", order, order["orderId"]) for order in orders]
    app.advance(seconds=30)
    app.session.mocks.clear()
    return [run.assert_failed("Broken") for run in runs]


def audit(app: LocalApp, run: Run) -> dict[str, list[str]]:
    """Which actions the run has told of, before and after them."""
    found: dict[str, list[str]] = {"BEFORE": [], "AFTER": []}
    for entry in app.items("Audit"):
        if entry["executionArn"] == run.arn:
            assert entry["reason"] == "a test"
            found[str(entry["phase"])].append(str(entry["action"]))
    return {phase: sorted(actions) for phase, actions in found.items()}


def told(*actions: str) -> dict[str, list[str]]:
    """Each of them before and after."""
    return {"BEFORE": sorted(actions), "AFTER": sorted(actions)}


def replays(app: LocalApp, order: dict[str, Any]) -> list[str]:
    """How the replays of an order ended."""
    return [run.status for name, run in runs_of(app, order).items() if "-replay-" in name]


def again(app: LocalApp, queue: str = QUEUE, **more: Any) -> Run:
    """Once more, when what was looked at before can be seen again."""
    app.advance(minutes=3)
    return work(app, queue, **more)


# Letters of workflows


def test_a_letter_is_deleted_when_its_replay_has_succeeded(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    fail(desk, order)
    run = work(desk)
    assert outcomes(run) == {"DONE": 1}
    assert letters(desk) == []
    replay = runs_of(desk, order)[f"{order['orderId']}-replay-1"].assert_succeeded()
    assert replay.execution.input == order
    assert status(desk, order) == "COMPLETED"
    assert audit(desk, run) == told("REPLAY", "DELETE")
    assert outcomes(work(desk)) == {}


def archived(app: LocalApp, run: Run) -> dict[str, Any]:
    """The item of the run's letter."""
    [item] = [one for one in app.items("DeadLetters") if one["executionArn"] == run.arn]
    return item


def test_the_archive_says_that_a_letter_was_replayed_and_as_what(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    [failed] = fail(desk, order)
    assert archived(desk, failed)["status"] == "SENT"
    assert outcomes(work(desk)) == {"DONE": 1}
    replay = runs_of(desk, order)[f"{order['orderId']}-replay-1"]
    item = archived(desk, failed)
    assert (item["status"], item["replayedAs"]) == ("REPLAYED", replay.arn)


@pytest.mark.parametrize("action", ["AUTO", "REPLAY", "REDRIVE"])
def test_a_later_message_of_a_letter_brings_nothing_back_again(
    desk: LocalApp, order: dict[str, Any], action: str
) -> None:
    """The run could be redriven, had it not been replayed; and its replay is not among the names
    that are looked for."""
    run = stopped(desk, order)
    [letter] = letters(desk)
    assert outcomes(work(desk, action="REPLAY")) == {"DONE": 1}
    before = len(desk.executions("Order"))
    desk.send(QUEUE, {**letter, "executionName": "another"})
    assert outcomes(work(desk, action=action)) == {"DONE": 1}
    assert letters(desk) == []
    assert len(desk.executions("Order")) == before
    assert run.execution.redrive_count == 0


def test_a_run_whose_replay_is_at_work_is_not_redriven(desk: LocalApp) -> None:
    later = iso(desk.now + timedelta(hours=3))
    order = an_order(f"o-{len(desk.executions())}", shipAt=later)
    run = stopped(desk, order)
    assert outcomes(work(desk, action="REPLAY")) == {"STARTED": 1}
    assert outcomes(again(desk, action="REDRIVE")) == {"LEFT": 1}
    assert outcomes(again(desk)) == {"LEFT": 1}
    assert run.execution.redrive_count == 0
    desk.advance(hours=3)
    assert outcomes(work(desk)) == {"DONE": 1}
    assert replays(desk, order) == ["SUCCEEDED"]


def test_a_letter_whose_archive_was_changed_meanwhile_is_left_to_the_next_run(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    """Somebody marks it between the look at it and the end of its replay."""
    [failed] = fail(desk, order)
    run = desk.start("DeadLetters", {"queue": QUEUE, "reason": "a test"})
    desk.advance(seconds=2)
    desk.client("dynamodb").update_item(
        TableName=desk.table("DeadLetters"),
        Key={"executionArn": {"S": failed.arn}, "redriveCount": {"N": "0"}},
        UpdateExpression="SET #status = :replayed, replayedAs = :other",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={
            ":replayed": {"S": "REPLAYED"},
            ":other": {"S": f"{failed.arn}-replay-1".replace("replay-1", "by-hand")},
        },
    )
    desk.finish(run)
    assert outcomes(run) == {"LEFT": 1}
    [cause] = run.execution.output["causes"]
    assert cause["why"] == ["somebody else brings it back: look again"]
    assert audit(desk, run) == {"BEFORE": ["DELETE", "REPLAY"], "AFTER": ["LEAVE", "REPLAY"]}
    assert archived(desk, failed)["replayedAs"].endswith("-by-hand")
    desk.advance(minutes=3)
    assert len(letters(desk)) == 1


def test_a_letter_of_a_workflow_that_is_none_of_this_app_is_told_and_left(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    fail(desk, order)
    [letter] = letters(desk)
    empty(desk, QUEUE)
    other = letter["stateMachineArn"] + "Other"
    desk.send(QUEUE, {**letter, "stateMachineArn": other})
    run = work(desk)
    assert outcomes(run) == {"LEFT": 1}
    assert run.execution.output["causes"][0]["why"] == [f"this app has no {other}"]


def test_a_letter_whose_replay_still_runs_stays_until_it_has_succeeded(desk: LocalApp) -> None:
    later = iso(desk.now + timedelta(hours=3))
    order = an_order(f"o-{len(desk.executions())}", shipAt=later)
    fail(desk, order)
    assert outcomes(work(desk)) == {"STARTED": 1}
    assert outcomes(again(desk)) == {"LEFT": 1}
    desk.advance(hours=3)
    assert len(letters(desk)) == 1
    assert outcomes(work(desk)) == {"DONE": 1}
    assert replays(desk, order) == ["SUCCEEDED"]
    assert letters(desk) == []


def test_letters_are_told_by_cause_and_nothing_is_done(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    others = [{**order, "orderId": f"{order['orderId']}_{n}"} for n in range(12)]
    fail(desk, *others)
    place(desk, {"orderId": order["orderId"]}, order["orderId"]).assert_failed("OrderInvalid")
    before = letters(desk)
    run = work(desk, action="LIST")
    listed = run.assert_succeeded().execution.output
    assert listed["dryRun"] is True
    assert listed["outcomes"] == {"WOULD_REPLAY": 13}
    found = {one["cause"]: one["letters"] for one in listed["causes"]}
    [cause] = [one for one in found if one.endswith(CAUSE)]
    assert found.pop(cause) == 12
    [invalid] = found
    assert "ValidateOrder: OrderInvalid" in invalid
    assert audit(desk, run) == told()
    assert outcomes(again(desk, action="REPLAY", dryRun=True, maxLetters=4)) == {"WOULD_REPLAY": 4}
    assert replays(desk, others[0]) == []

    assert outcomes(again(desk, cause=cause)) == {"DONE": 12, "LEFT": 1}
    desk.advance(minutes=3)
    [left] = letters(desk)
    assert left in before
    assert left["executionName"] == order["orderId"]


def test_pages_keep_to_the_rate(desk: LocalApp, order: dict[str, Any]) -> None:
    fail(desk, *({**order, "orderId": f"{order['orderId']}_{n}"} for n in range(25)))
    began = desk.now
    assert outcomes(work(desk, perMinute=5, maxLetters=25)) == {"DONE": 25}
    assert desk.now - began >= timedelta(minutes=4)


def test_a_poison_letter_is_parked_after_so_many_tries(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    """Each failed replay leaves a letter of its own; the names of the replays count the tries."""
    fail(desk, order)
    desk.mock("Order", "ChargePayment", [BROKEN])
    runs = [again(desk, maxTries=2) for _ in range(4)]
    assert replays(desk, order) == ["FAILED", "FAILED"]
    assert letters(desk) == []
    parked = list(desk.messages("ParkedLetters"))
    assert {one["executionName"] for one in parked} == {*runs_of(desk, order)}
    assert len(parked) == 3
    assert sum(audit(desk, run)["AFTER"].count("PARK") for run in runs) == 3

    # A person has mended the cause, and brings the parked letters back.
    desk.session.mocks.clear()
    assert outcomes(again(desk, "ParkedLetters", maxTries=2)) == {"LEFT": 3}
    done = [outcomes(again(desk, "ParkedLetters", maxTries=5)).get("DONE", 0) for _ in range(2)]
    assert sum(done) == 3
    assert replays(desk, order) == ["FAILED", "FAILED", "SUCCEEDED"]
    assert desk.messages("ParkedLetters") == []


def test_the_queue_of_parked_letters_has_an_alarm(desk: LocalApp) -> None:
    desk.send("ParkedLetters", {"any": "letter"})
    desk.advance(minutes=10)
    states = {
        one["AlarmName"]: one["StateValue"]
        for one in desk.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if "ParkedLettersNotEmpty" in one["AlarmName"]
    }
    assert list(states.values()) == ["ALARM"]


def stopped(app: LocalApp, order: dict[str, Any]) -> Run:
    """A run that somebody stops while its charge waits to be tried again."""
    app.mock("Order", "ChargePayment", [Failure("Lambda.ServiceException", "busy")])
    run = app.start("Order", order, order["orderId"])
    app.advance(seconds=1)
    app.session.stop_execution(run.arn, "Stopped", "by hand")
    app.advance(minutes=1)
    app.session.mocks.clear()
    return run


def test_a_run_without_a_catch_is_redriven(desk: LocalApp, order: dict[str, Any]) -> None:
    run = stopped(desk, order)
    [letter] = letters(desk)
    assert letter["state"] is None
    redrive = work(desk, action="REDRIVE")
    assert outcomes(redrive) == {"DONE": 1}
    assert run.status == "SUCCEEDED"
    assert run.execution.redrive_count == 1
    assert audit(desk, redrive) == told("REDRIVE", "DELETE")
    assert replays(desk, order) == []


def test_what_a_catch_led_to_fail_is_not_redriven(desk: LocalApp, order: dict[str, Any]) -> None:
    fail(desk, order)
    run = work(desk, action="REDRIVE")
    assert outcomes(run) == {"LEFT": 1}
    [cause] = run.execution.output["causes"]
    assert "replay it" in cause["why"][0]
    desk.advance(minutes=3)
    assert len(letters(desk)) == 1


def test_a_letter_whose_run_was_redriven_by_hand_is_done(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    run = stopped(desk, order)
    desk.client("stepfunctions").redrive_execution(executionArn=run.arn)
    desk.run_until_idle()
    assert outcomes(work(desk)) == {"DONE": 1}
    assert replays(desk, order) == []


def test_an_unreadable_message_is_told_and_left(desk: LocalApp) -> None:
    desk.send(QUEUE, "no letter")
    desk.send(QUEUE, {"schemaVersion": 2})
    run = work(desk)
    assert outcomes(run) == {"LEFT": 2}
    [cause] = run.execution.output["causes"]
    assert cause["cause"] == "no letter of a workflow"
    assert len(cause["why"]) == 2
    desk.advance(minutes=3)
    assert len(desk.messages(QUEUE)) == 2


def test_a_large_input_comes_back_from_the_bucket(desk: LocalApp, order: dict[str, Any]) -> None:
    """DescribeExecution's answer with such an input would be more than a state may hold."""
    large = {**order, "note": '"' * 100_000}
    place(desk, large, order["orderId"]).assert_failed("OrderInvalid")
    [letter] = letters(desk)
    assert "bucket" in letter["inputLocation"]
    assert outcomes(work(desk)) == {"FAILED_AGAIN": 1, "LEFT": 1}
    replay = runs_of(desk, order)[f"{order['orderId']}-replay-1"].assert_failed("OrderInvalid")
    assert replay.execution.input == large
    assert outcomes(again(desk, maxTries=1)) == {"PARKED": 2}


# Starts that were lost


def test_a_lost_start_is_made_up_for(desk: LocalApp, order: dict[str, Any]) -> None:
    """As EventBridge leaves an event whose rule could not start its machine."""
    run = stopped(desk, order)
    outcomes(work(desk))
    detail = {"executionArn": run.arn, "status": "ABORTED"}
    event = {"detail-type": "Step Functions Execution Status Change", "detail": detail}
    recorder = desk.session.find("Recorder").arn
    desk.send(
        "LostEvents",
        event,
        MessageAttributes={
            "TARGET_ARN": {"DataType": "String", "StringValue": recorder},
            "ERROR_CODE": {"DataType": "String", "StringValue": "SDK_CLIENT_ERROR"},
        },
    )
    before = len(desk.executions("Recorder"))
    made_up = work(desk, "LostEvents")
    assert outcomes(made_up) == {"DONE": 1}
    [started] = desk.executions("Recorder")[before:]
    assert started.assert_succeeded().execution.input == detail
    assert desk.messages("LostEvents") == []


def test_a_lost_start_of_an_express_machine_is_told_and_left(desk: LocalApp) -> None:
    """DescribeExecution knows none of its runs.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html"""
    sweep = desk.session.find("KeepRegistry").arn
    target = {"DataType": "String", "StringValue": sweep}
    desk.send("LostEvents", {}, MessageAttributes={"TARGET_ARN": target})
    run = work(desk, "LostEvents")
    assert outcomes(run) == {"LEFT": 1}
    [cause] = run.execution.output["causes"]
    assert cause["why"] == [f"this app has no Standard workflow {sweep}: start it by hand"]
    desk.advance(minutes=3)
    assert len(desk.messages("LostEvents")) == 1


# Messages of consumers

INVOICES = "InvoiceQueueDeadLetters"
UNREADABLE = {"invoice": "none"}


def refused(app: LocalApp, *bodies: dict[str, Any]) -> None:
    """Messages that their consumer has refused as often as it may."""
    for body in bodies:
        app.send("InvoiceQueue", body)
    app.advance(hours=1)
    assert len(app.messages(INVOICES)) == len(bodies)


def test_messages_go_back_to_their_queue_and_poison_is_parked(desk: LocalApp) -> None:
    refused(desk, UNREADABLE, {"invoice": 2})
    for _ in range(2):
        run = work(desk, INVOICES, action="MOVE", maxTries=2)
        assert outcomes(run) == {"TO_MOVE": 2}
        move = run.execution.output["move"]
        assert (move["Status"], move["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 2)
        assert audit(desk, run) == told("MOVE")
        desk.advance(hours=1)
        assert len(desk.messages(INVOICES)) == 2
    dry = work(desk, INVOICES, maxTries=2, dryRun=True)
    assert outcomes(dry) == {"WOULD_PARK": 2}
    run = again(desk, INVOICES, maxTries=2)
    assert outcomes(run) == {"PARKED": 2}
    assert audit(desk, run) == told("PARK", "PARK")
    assert desk.messages(INVOICES) == []
    assert UNREADABLE in desk.messages("ParkedLetters")


# One at a time, and mistakes


def test_a_second_run_on_a_queue_is_told_who_works_on_it(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    fail(desk, {**order, "shipAt": iso(desk.now + timedelta(hours=3))})
    first = desk.start("DeadLetters", {"queue": QUEUE, "reason": "a test"})
    desk.advance(seconds=30)
    second = desk.start("DeadLetters", {"queue": QUEUE, "action": "LIST"})
    other = desk.start("DeadLetters", {"queue": INVOICES})
    desk.advance(seconds=10)
    cause = str(second.assert_failed("QueueIsHeld").execution.cause)
    other.assert_succeeded()
    assert first.status == "RUNNING"
    assert first.arn in cause
    assert iso(desk.now)[:11] in cause


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "queue: name one, several in a list, or ALL"),
        ({"queue": [QUEUE, "x"]}, "queue: there is no x; there are ALL, OrderDeadLetters"),
        ({"queue": []}, "queue: name one"),
        ({"queue": "Orders"}, "queue: there is no Orders; there are ALL"),
        ({"queue": QUEUE, "action": "PURGE"}, "action: there is no PURGE; there are LIST, AUTO"),
        ({"queue": QUEUE, "action": "MOVE"}, "OrderDeadLetters is none"),
        ({"queue": INVOICES, "action": "REPLAY"}, "those of InvoiceQueue: MOVE them"),
        ({"queue": QUEUE, "maxTries": "3"}, "maxTries must be a whole number from 1 to 20"),
        ({"queue": QUEUE, "perMinute": 0}, "perMinute must be a whole number from 1 to 600"),
        ({"queue": QUEUE, "maxLetters": 2.5}, "maxLetters must be a whole number"),
        ({"queue": QUEUE, "dryRun": "yes"}, "dryRun must be true or false"),
        ({"queue": QUEUE, "cause": 7}, "cause must be a text"),
        ({"queue": QUEUE, "dryrun": True}, "dryrun is no field of this input"),
    ],
)
def test_bad_input_is_told(desk: LocalApp, given: dict[str, Any], said: str) -> None:
    run = desk.start("DeadLetters", given)
    desk.finish(run)
    assert said in str(run.assert_failed("InvalidInput").execution.cause)


def test_all_queues_are_worked_on_each_by_a_run_of_its_own(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    fail(desk, order)
    before = len(desk.executions("DeadLetters"))
    every = work(desk, "ALL", action="LIST")
    desk.run_until_idle()
    assert len(every.assert_succeeded().execution.output) > 20
    runs = {run.execution.input["queue"]: run for run in desk.executions("DeadLetters")[before:]}
    started = [one["queue"] for one in every.assert_succeeded().execution.output]
    assert {*runs} == {"ALL", *started}
    assert {QUEUE, INVOICES, "LostEvents", "ParkedLetters"} <= {*started}
    assert outcomes(runs[QUEUE]) == {"WOULD_REPLAY": 1}
    assert all(run.status == "SUCCEEDED" for run in runs.values())


def test_by_schedule_only_where_a_person_has_said_so(desk: LocalApp, order: dict[str, Any]) -> None:
    fail(desk, order)
    desk.advance(hours=7)
    assert len(letters(desk)) == 1
    schedule = "DeadLetters/BringBack"
    desk.session.triggers.schedules.enable(schedule)
    desk.advance(hours=7)
    desk.session.triggers.schedules.disable(schedule)
    assert letters(desk) == []
    assert replays(desk, order) == ["SUCCEEDED"]


def test_what_cannot_be_done_is_told_and_the_other_letters_are_done(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    other = {**order, "orderId": f"{order['orderId']}_other"}
    fail(desk, order, other)
    desk.mock("DeadLetters", "StartReplay", [Failure("LetterError", "no such input"), CALL])
    run = work(desk)
    run.assert_failed("LettersFailed")
    cause = json.loads(str(run.execution.cause))
    assert cause["causes"][0]["outcomes"] == {"FAILED": 1, "DONE": 1}
    assert cause["causes"][0]["why"] == ["StartReplay: LetterError no such input"]
    assert outcomes(again(desk)) == {"DONE": 1}


@pytest.mark.parametrize(
    "state", ["TellBefore", "StartReplay", "PollRun", "MarkReplayed", "Delete", "TellAfter"]
)
def test_a_lost_answer_brings_nothing_back_twice(
    desk: LocalApp, order: dict[str, Any], state: str
) -> None:
    fail(desk, order)
    desk.mock("DeadLetters", state, [Lost("Broken"), CALL])
    work(desk).assert_failed("Broken" if state == "TellAfter" else "LettersFailed")
    desk.session.mocks.clear()
    outcomes(again(desk))
    assert replays(desk, order) == ["SUCCEEDED"]
    assert letters(desk) == []


def test_a_run_that_was_stopped_leaves_its_letters_to_the_next(
    desk: LocalApp, order: dict[str, Any]
) -> None:
    fail(desk, order)
    first = desk.start("DeadLetters", {"queue": QUEUE})
    desk.advance(seconds=2)
    desk.session.stop_execution(first.arn, "Stopped", "by hand")
    desk.advance(minutes=46)
    assert outcomes(work(desk)) == {"DONE": 1}
    assert replays(desk, order) == ["SUCCEEDED"]
