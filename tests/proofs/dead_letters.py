"""DeadLetters: every single fault between a dead-letter queue and the work that comes back.

It has no dead letters of its own: what it fails at stays in its queue, and whoever starts it again
finds it there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.order import charges
from tests.workflows.shop import an_order, iso, provider_fails, stock_up

NOW = {"shipAt": "2025-12-31T00:00:00Z"}
QUEUE, LOST, PARKED = "OrderDeadLetters", "LostEvents", "ParkedLetters"
INVOICES = "InvoiceQueueDeadLetters"
# As many as the machine has by default.
TRIES = 3
INVALID = {"orderId": "o-1"}
CHANGED_MEANWHILE = "DynamoDb.ConditionalCheckFailedException"


def given(*acts: Callable[[LocalApp], object]) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        stock_up(app, "mug")
        for act in acts:
            act(app)
        app.advance(seconds=1)

    return prepare


def failed(order_id: str = "o-1", **changes: Any) -> Callable[[LocalApp], None]:
    """An order whose provider was down; it is up again."""

    def act(app: LocalApp) -> None:
        provider_fails(app, 9)
        app.run("Order", an_order(order_id, **{**NOW, **changes}), order_id)

    return act


def invalid(*names: str) -> Callable[[LocalApp], None]:
    """Runs of an order that can never succeed."""

    def act(app: LocalApp) -> None:
        for name in names:
            app.run("Order", INVALID, name)

    return act


def stopped(app: LocalApp) -> None:
    """Somebody has stopped an order that waits for its ship date."""
    order = an_order(shipAt=iso(app.now + timedelta(minutes=3)))
    run = app.start("Order", order, "o-1")
    app.advance(seconds=30)
    app.session.stop_execution(run.arn, "Stopped", "by hand")
    app.advance(minutes=1)


def redriven(app: LocalApp) -> None:
    """By hand, before DeadLetters looks at its letter."""
    stopped(app)
    run = app.executions("Order")[-1]
    app.client("stepfunctions").redrive_execution(executionArn=run.arn)


def replayed(app: LocalApp) -> None:
    """The letter of a run that could be redriven comes once more when its replay has succeeded."""
    stopped(app)
    [letter] = app.messages(QUEUE)
    app.run("DeadLetters", {"queue": QUEUE, "action": "REPLAY"}, "before")
    app.send(QUEUE, letter)


def of_another_app(app: LocalApp) -> None:
    failed()(app)
    [letter] = app.messages(QUEUE)
    app.client("sqs").purge_queue(QueueUrl=app.queue_url(QUEUE))
    app.send(QUEUE, {**letter, "stateMachineArn": f"{letter['stateMachineArn']}Other"})


def no_letters(app: LocalApp) -> None:
    app.send(QUEUE, "no letter")


def parked(app: LocalApp) -> None:
    """A letter that was tried too often, where such letters wait."""
    invalid("o-1-replay-3")(app)
    [letter] = app.messages(QUEUE)
    app.client("sqs").purge_queue(QueueUrl=app.queue_url(QUEUE))
    app.send(PARKED, letter)


def lost(app: LocalApp) -> None:
    """An event that did not reach the Recorder."""
    run = app.run("Order", an_order(**NOW), "o-1")
    detail = {"executionArn": run.arn, "status": "SUCCEEDED"}
    target = {"DataType": "String", "StringValue": app.session.find("Recorder").arn}
    attributes = {"TARGET_ARN": target}
    app.send(LOST, {"detail-type": "any", "detail": detail}, MessageAttributes=attributes)


def lost_express(app: LocalApp) -> None:
    """A schedule could not start an Express machine, whose runs nobody can look at."""
    target = {"DataType": "String", "StringValue": app.session.find("KeepRegistry").arn}
    app.send(LOST, {}, MessageAttributes={"TARGET_ARN": target})


def refused(count: int) -> Callable[[LocalApp], None]:
    """Messages that their consumer has refused as often as it may."""

    def act(app: LocalApp) -> None:
        stock_up(app, "messages", count)
        for number in range(count):
            app.send("InvoiceQueue", {"invoice": number})
        app.advance(hours=1)

    return act


def moved_before(app: LocalApp) -> None:
    refused(1)(app)
    for number in range(TRIES):
        app.run("DeadLetters", {"queue": INVOICES}, f"before-{number}")
        app.advance(hours=1)


def held(app: LocalApp) -> None:
    app.put_item(
        "Leases",
        {
            "target": f"dead letters {QUEUE}",
            "heldBy": "somebody",
            "heldUntil": "2026-01-01T00:30:00.000Z",
        },
    )


def start_again(app: LocalApp) -> None:
    """What a person does with a run that has failed, and where an order is left that can succeed:
    the same once more, when the lease is over."""
    for _ in range(3):
        runs = app.executions("DeadLetters")
        [first] = [run for run in runs if run.execution.name == "dead-letters"]
        given = first.execution.input
        wanted = not {"action", "cause"} & {*given} and given["queue"] == QUEUE
        if all(run.status == "SUCCEEDED" for run in runs) and not (wanted and left(app)):
            return
        corrected = {"queue": QUEUE} if first.execution.error == "InvalidInput" else {}
        app.advance(hours=1)
        app.run("DeadLetters", {**given, **corrected})
        if app.executions("DeadLetters")[-1].status == "SUCCEEDED" and not (wanted and left(app)):
            return


def left(app: LocalApp) -> list[str]:
    """Orders that have failed and could succeed."""
    done: dict[str, bool] = {}
    for run in app.executions("Order"):
        order_id = run.execution.name.partition("-replay-")[0]
        is_done = run.status in ("SUCCEEDED", "RUNNING") or run.execution.input == INVALID
        done[order_id] = done.get(order_id, False) or is_done
    return [order_id for order_id, is_done in done.items() if not is_done]


# What holds at any time


def nothing_is_lost(app: LocalApp) -> None:
    """An order whose runs have failed has a letter somewhere, seen or being looked at."""
    done: dict[str, bool] = {}
    for run in app.executions("Order"):
        order_id = run.execution.name.partition("-replay-")[0]
        done[order_id] = done.get(order_id, False) or run.status in ("SUCCEEDED", "RUNNING")
    lost = [order_id for order_id, is_done in done.items() if not is_done]
    waiting = messages(app, QUEUE, PARKED)
    assert len(lost) <= waiting, f"{lost} failed, and {waiting} letters are left"


def no_message_is_lost(app: LocalApp) -> None:
    """Of those that no consumer ever takes."""
    [sent] = [item["available"] for item in app.items("Stock") if item["sku"] == "messages"] or [0]
    waiting = messages(app, "InvoiceQueue", INVOICES, PARKED)
    assert waiting >= sent, f"{sent} messages were sent, and {waiting} are left"


def messages(app: LocalApp, *queues: str) -> int:
    found = app.session.aws.queues
    return sum(found.find(app.queue_url(queue)).total for queue in queues)


def scenario(name: str, about: str, *acts: Callable[[LocalApp], object], **input: Any) -> Scenario:
    expect, only = input.pop("expect", "SUCCEEDED"), input.pop("only", ())
    faults = input.pop("given", ())
    return Scenario(
        name=name,
        about=about,
        prepare=given(*acts),
        input={"queue": QUEUE, **input},
        execution_name="dead-letters",
        expect=expect,
        only=only,
        given=faults,
    )


DEAD_LETTERS = Proof(
    state_machine="DeadLetters",
    scenarios=[
        scenario("replayed", "the run of a letter succeeds when it is replayed", failed()),
        scenario("redriven", "a run that was stopped goes on", stopped),
        scenario("listed", "nothing is done", failed(), action="LIST"),
        scenario("empty", "there is nothing"),
        scenario(
            "still-runs",
            "the replay takes longer than one waits",
            failed(shipAt="2026-01-02T00:00:00Z"),
            waitMinutes=1,
        ),
        scenario("replayed-before", "its archive item says so", replayed),
        scenario(
            "changed-meanwhile",
            "somebody else brings it back at the same time",
            failed(),
            given=[Fault("state:DeadLetters/MarkReplayed#1", f"refused:{CHANGED_MEANWHILE}")],
            only=["TellAfter"],
        ),
        scenario("of-another-app", "its workflow is not known", of_another_app, action="LIST"),
        scenario("redriven-by-hand", "the run is at work again", redriven),
        scenario(
            "fails-again", "one replay has failed, another will", invalid("o-1", "o-1-replay-1")
        ),
        scenario("poison", "tried as often as may be", invalid("o-1-replay-3")),
        scenario(
            "poison-by-chain",
            "all of its replays have failed",
            invalid("o-1", "o-1-replay-1", "o-1-replay-2", "o-1-replay-3"),
            only=("FindReplay",),
        ),
        scenario("parked", "tried too often, and parked", parked, queue=PARKED),
        scenario("not-redriven", "a Catch led it to Fail", failed(), action="REDRIVE"),
        scenario("unreadable", "no letter of a workflow", no_letters),
        scenario("another-cause", "none of the cause asked for", failed(), cause="none"),
        scenario("one-page", "as many as are wanted", failed(), action="LIST", maxLetters=1),
        scenario("lost-start", "an event did not reach the Recorder", lost, queue=LOST),
        scenario("lost-express", "it is told, and left", lost_express, queue=LOST),
        scenario("moved", "a message goes back to its consumer", refused(1), queue=INVOICES),
        scenario(
            "moved-slowly",
            "a move takes longer than one looks",
            refused(40),
            queue=INVOICES,
            only=("StartMove", "ReadMove"),
        ),
        scenario("poison-message", "a message that was moved before", moved_before, queue=INVOICES),
        scenario(
            "cannot-tell",
            "what was done cannot be told",
            failed(),
            given=[Fault("state:DeadLetters/TellAfter#1", "refused:UnforeseenError")],
            only=["GiveUpLease"],
            expect="FAILED",
        ),
        scenario("held", "another run works on the queue", held, expect="FAILED"),
        scenario("invalid", "no such queue", queue="Orders", expect="FAILED"),
        scenario("several", "a run for each queue", queue=[QUEUE, LOST], action="LIST"),
    ],
    recover=start_again,
    effects={"charge of order": charges},
    invariants=[nothing_is_lost, no_message_is_lost],
    schedules=(),
    outcomes=("Sfn.ExecutionDoesNotExistException", CHANGED_MEANWHILE),
    ignore={
        QUEUE: "how often was tried depends on what failed; the invariants count the letters",
        PARKED: "the same",
        INVOICES: "the same",
        LOST: "what could not be started: the sweep makes up for it",
        "Audit": "what failed is told, too",
        "Leases": "a run that was stopped holds its queue until its lease is over",
        "Moves": "each run counts its move",
        "DeadLetters": "the archive keeps each letter",
    },
)
