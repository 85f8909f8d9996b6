"""Operations: every single fault of the machine, to the end that the document tells."""

from __future__ import annotations

import json
from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from

ORDERS = [f"o-{number}" for number in range(30)]
NAME = "export-1"
SWEEPS = ("Operations/OperationSweep/Hourly", "Operations/OutcomeSweep/Hourly")


def operation(**more: object) -> dict[str, Any]:
    return {"operationId": NAME, "customerId": "c-7", "orderIds": ORDERS, **more}


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


def ends_are_told(app: LocalApp) -> None:
    """The document of an operation says how its last run ended, if it has one. A run that is ended
    from outside after its last step has done its work, and may say so."""
    s3 = app.client("s3")
    [bucket] = [one for one in app.app.of_type("AWS::S3::Bucket") if "/OperationFiles" in one.path]
    last: dict[str, str] = {}
    for run in app.executions("Operation"):
        last[run.execution.input["operationId"]] = run.status
    listed = s3.list_objects_v2(Bucket=bucket.name).get("Contents", [])
    for key in (one["Key"] for one in listed if one["Key"].endswith("/status.json")):
        told = json.loads(s3.get_object(Bucket=bucket.name, Key=key)["Body"].read())
        status = last.get(told["operationId"], "ACCEPTED")
        ended = status not in ("SUCCEEDED", "RUNNING", "ACCEPTED")
        expected = ("FAILED", "SUCCEEDED") if ended else (status,)
        assert told["status"] in expected, f"{told['operationId']} is {status}, {told} is told"


OPERATION = Proof(
    state_machine="Operation",
    scenarios=[
        Scenario(
            name="exported",
            about="two pages",
            input=operation(),
            execution_name=NAME,
            prepare=orders,
        ),
        Scenario(
            name="large",
            about="too large for a letter",
            input=operation(note="x" * 200_000),
            execution_name=NAME,
            prepare=orders,
        ),
    ],
    dead_letters="OperationDeadLetters",
    replay=replay_from("OperationLetters"),
    letter_states=LETTER_STATES,
    schedules=SWEEPS,
    invariants=[ends_are_told],
    ignore={
        "OperationLetters": "the archive keeps each letter",
        "OperationFiles": "a replay writes its own name; what the document tells is an invariant",
    },
)
