"""Net 2 of both workflows: what stands behind the letters, with faults of its own.

The subject is the workflow whose run was aborted; the faults are in the Recorder and in the Sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.workflows.nets import lose_events
from tests.workflows.shop import an_order, stock_up

A_REPORT = {
    "scheduledTime": "2026-01-01T06:00:00Z",
    "account": {"accountId": "a-1", "size": 3},
}


def full_shelves(app: LocalApp) -> None:
    stock_up(app, "mug")


def aborted(
    state_machine: str, work: dict[str, Any], name: str, *, told: bool = True
) -> Callable[[LocalApp], None]:
    """Somebody stops the run while it waits; whether the rule hears of it is chance."""

    def start(app: LocalApp) -> None:
        run = app.start(state_machine, work, name)
        app.advance(seconds=30)
        if not told:
            lose_events(app)
        app.session.stop_execution(run.arn, "Stopped", "by hand")

    return start


def net_of(
    subject: str, prefix: str, work: dict[str, Any], name: str, letters: str, archive: str
) -> list[Proof]:
    def proof(machine: str, *, told: bool) -> Proof:
        return Proof(
            name=f"{prefix}{machine}",
            state_machine=subject,
            machines=(f"{prefix}{machine}",),
            scenarios=[
                Scenario(
                    name="aborted" if told else "unheard",
                    about="a run is stopped by hand" + ("" if told else ", and its event is lost"),
                    start=aborted(subject, work, name, told=told),
                    prepare=full_shelves if subject == "Order" else None,
                    expect="ABORTED",
                )
            ],
            dead_letters=letters,
            replay=replay_from(archive),
            letter_states=LETTER_STATES,
            schedules=(f"{prefix}Sweep/Hourly",),
            nets_within_hours=4,
        )

    return [proof("Recorder", told=True), proof("Sweep", told=False)]


RECORDER, SWEEP = net_of("Order", "", an_order(), "o-1", "OrderDeadLetters", "DeadLetters")
REPORT_RECORDER, REPORT_SWEEP = net_of(
    "Report", "Report", A_REPORT, "2026-01-01T0600-a-1", "ReportDeadLetters", "ReportLetters"
)
