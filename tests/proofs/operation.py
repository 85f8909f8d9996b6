"""Operations: every single fault of the machine and of what stands behind it, to the end that the
document tells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sfnlocal.driver.mocks import CALL, Success
from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.proofs.nets import net_of
from tests.workflows.nets import lose_events

ORDERS = [f"o-{number}" for number in range(30)]
NAME = "export-1"
SWEEPS = ("Operations/OperationSweep/Hourly", "Operations/OutcomeSweep/Hourly")
READING_FAILS = (Fault("state:Operation/ReadOrders#1", "refused:UnforeseenError"),)


def operation(**more: object) -> dict[str, Any]:
    return {"operationId": NAME, "customerId": "c-7", "orderIds": ORDERS, **more}


LARGE = operation(note="x" * 200_000)


def orders(app: LocalApp) -> None:
    for order_id in ORDERS:
        app.put_item(
            "Orders",
            {
                "orderId": order_id,
                "customerId": "c-7",
                "status": "PAID",
                "totalCents": 1250,
                "currency": "EUR",
                "shipAt": "2026-01-02T00:00:00Z",
            },
        )


def scenario(name: str, about: str, *given: Fault, **more: Any) -> Scenario:
    return Scenario(
        name=name,
        about=about,
        input=more.pop("input", operation()),
        execution_name=NAME,
        prepare=orders,
        given=given,
        **more,
    )


# Behind the machine


def stop_in_the_middle(app: LocalApp) -> str:
    """By hand, while a function works."""
    app.mock("Operation", "FormatPage", [Success(None, elapsed_ms=20_000), CALL])
    run = app.start("Operation", operation(), NAME)
    app.advance(seconds=10)
    app.session.stop_execution(run.arn, "Stopped", "by hand")
    return run.arn


def stopped(app: LocalApp) -> None:
    stop_in_the_middle(app)


def unheard(app: LocalApp) -> None:
    """The rule does not hear of it, and when the sweep looks, there are two pages of failed runs:
    it stands on the second one."""
    lose_events(app)
    arn = stop_in_the_middle(app)
    stopped_at = app.now.isoformat().replace("+00:00", "Z")
    listed = {"ExecutionArn": arn, "Status": "ABORTED", "RedriveCount": 0, "StopDate": stopped_at}
    first = Success({"Executions": [], "NextToken": "second"})
    app.mock("OutcomeSweep", "ListFailed", [first, Success({"Executions": [listed]})])


def ends_unheard(app: LocalApp) -> None:
    """A run that has succeeded is taken for one that has failed."""
    run = app.run("Operation", operation(), NAME)
    app.start("OperationOutcome", {"executionArn": run.arn, "status": "FAILED"})


def without_its_document(app: LocalApp) -> None:
    """An operation that nobody has accepted is stopped before it could write anything."""
    run = app.start("Operation", operation(), NAME)
    app.session.stop_execution(run.arn, "Stopped", "by hand")


# What holds


def documents(app: LocalApp) -> Sequence[dict[str, Any]]:
    s3 = app.client("s3")
    [bucket] = [one for one in app.app.of_type("AWS::S3::Bucket") if "/OperationFiles" in one.path]
    listed = s3.list_objects_v2(Bucket=bucket.name).get("Contents", [])
    keys = [one["Key"] for one in listed if one["Key"].endswith("/status.json")]
    return [json.loads(s3.get_object(Bucket=bucket.name, Key=key)["Body"].read()) for key in keys]


def ends_are_told(app: LocalApp) -> None:
    """The document of an operation says how its last run ended, if it has one. A run that is ended
    from outside after its last step has done its work, and may say so."""
    last: dict[str, str] = {}
    for run in app.executions("Operation"):
        last[run.execution.input["operationId"]] = run.status
    for told in documents(app):
        status = last.get(told["operationId"], "ACCEPTED")
        ended = status not in ("SUCCEEDED", "RUNNING", "ACCEPTED")
        expected = ("FAILED", "SUCCEEDED") if ended else (status,)
        assert told["status"] in expected, f"{told['operationId']} is {status}, {told} is told"


def proof(name: str, machines: Sequence[str], *scenarios: Scenario) -> Proof:
    return Proof(
        name=name,
        state_machine="Operation",
        machines=tuple(machines),
        scenarios=scenarios,
        dead_letters="OperationDeadLetters",
        replay=replay_from("OperationLetters"),
        letter_states=LETTER_STATES,
        schedules=SWEEPS,
        nets_within_hours=4,
        invariants=[ends_are_told],
        ignore={
            "OperationLetters": "the archive keeps each letter",
            "OperationLostEvents": "what could not be started: the sweep makes up for it",
            "OperationFiles": "a replay writes its own name; the document is an invariant",
        },
    )


OPERATION = proof(
    "Operation",
    ["Operation"],
    scenario("exported", "two pages"),
    scenario("fails", "the orders cannot be read", *READING_FAILS, expect="FAILED"),
    scenario(
        "fails-at-length",
        "input and cause are too large for a letter",
        Fault("state:Operation/FormatPage#1", "long-cause"),
        input=LARGE,
        only=["StoreInput"],
        expect="FAILED",
    ),
)

OPERATION_OUTCOME = proof(
    "OperationOutcome",
    ["OperationOutcome"],
    Scenario(name="stopped", prepare=orders, start=stopped, expect="ABORTED"),
    scenario("told", "the run has told its end itself", *READING_FAILS, expect="FAILED"),
    Scenario(name="succeeded", about="no failure any more", prepare=orders, start=ends_unheard),
    Scenario(
        name="undocumented",
        about="nothing has been told yet",
        prepare=orders,
        start=without_its_document,
        expect="ABORTED",
    ),
)

OUTCOME_SWEEP = proof(
    "OutcomeSweep",
    ["OutcomeSweep"],
    Scenario(
        name="unheard",
        about="the run is stopped by hand, and its event is lost",
        prepare=orders,
        start=unheard,
        only=["ListFailed", "StartRecorder", "SweepFollowingPage"],
        expect="ABORTED",
    ),
)

OPERATION_RECORDER, OPERATION_SWEEP = net_of(
    "Operation",
    "Operation",
    operation(),
    NAME,
    "OperationDeadLetters",
    "OperationLetters",
    asks="FormatPage",
    prepare=orders,
    seconds=0,
    ignore={"OperationFiles": "a replay writes its own name"},
)
