"""Net 2 of workflows: what stands behind the letters, with faults of its own.

The subject is the workflow whose run was aborted; the faults are in the Recorder and in the Sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.workflows.nets import lose_events
from tests.workflows.shop import an_order, stock_up

A_REPORT = {
    "scheduledTime": "2026-01-01T06:00:00Z",
    "account": {"accountId": "a-1", "size": 3},
}

LARGE = {"note": "x" * 200_000}
# Of the Sweep's ListFailed; proofs import no workflow, since that starts the CDK.
EXECUTIONS_PER_PAGE = 100


def full_shelves(app: LocalApp) -> None:
    stock_up(app, "mug")


def aborted(
    state_machine: str, work: dict[str, Any], name: str, *, told: bool = True, seconds: int = 30
) -> Callable[[LocalApp], None]:
    """Somebody stops the run while it waits; whether the rule hears of it is chance."""

    def start(app: LocalApp) -> None:
        run = app.start(state_machine, work, name)
        if seconds:
            app.advance(seconds=seconds)
        if not told:
            lose_events(app)
        app.session.stop_execution(run.arn, "Stopped", "by hand")

    return start


def redriven(
    state_machine: str, work: dict[str, Any], name: str, seconds: int
) -> Callable[[LocalApp], None]:
    """Somebody stops the run, and lets it go on before anybody has read how it ended."""

    def start(app: LocalApp) -> None:
        aborted(state_machine, work, name, seconds=seconds)(app)
        [run] = app.executions(state_machine)
        app.session.redrive_execution(run.arn)

    return start


def many(state_machine: str, work: dict[str, Any], name: str) -> Callable[[LocalApp], None]:
    """More runs than a page of ListExecutions has."""

    def start(app: LocalApp) -> None:
        for number in range(EXECUTIONS_PER_PAGE + 1):
            aborted(state_machine, work, f"{name}-{number}", told=False, seconds=0)(app)

    return start


def net_of(
    subject: str,
    prefix: str,
    work: dict[str, Any],
    name: str,
    letters: str,
    archive: str,
    *,
    asks: str,
    prepare: Callable[[LocalApp], None] | None = None,
    seconds: int = 30,
    ignore: Mapping[str, str] | None = None,
) -> list[Proof]:
    """`asks` is the subject's first task; it is stopped after so many `seconds`."""
    stopped = partial(aborted, seconds=seconds)

    def proof(machine: str, scenarios: list[Scenario]) -> Proof:
        return Proof(
            name=f"{prefix}{machine}",
            state_machine=subject,
            machines=(f"{prefix}{machine}",),
            scenarios=scenarios,
            dead_letters=letters,
            replay=replay_from(archive),
            letter_states=LETTER_STATES,
            schedules=(f"{prefix}Sweep/Hourly",),
            ignore={
                archive: "the archive keeps each letter",
                f"{prefix}LostEvents": "what could not be started: the sweep makes up for it",
                **(ignore or {}),
            },
            nets_within_hours=4,
        )

    recorder = [
        Scenario(
            name="aborted",
            about="a run is stopped by hand",
            start=stopped(subject, work, name),
            prepare=prepare,
            expect="ABORTED",
        ),
        Scenario(
            name="large",
            about="a run is stopped whose input is too large for a letter",
            start=aborted(subject, {**work, **LARGE}, name, seconds=0),
            only=["StoreInput"],
            expect="ABORTED",
            bring_back=False,
        ),
        Scenario(
            name="redriven",
            about="a run is stopped by hand, and redriven at once",
            start=redriven(subject, work, name, seconds),
            prepare=prepare,
            only=["ReadExecution"],
        ),
        Scenario(
            name="unwritten",
            about="a run could not write its letter, and its cause is cut off",
            input=work,
            execution_name=name,
            prepare=prepare,
            given=[
                Fault(f"state:{subject}/{asks}#1", "long-cause"),
                Fault(
                    f"state:{subject}/ArchiveLetter#1",
                    "refused:DynamoDB.ThrottlingException",
                    "for-ever",
                ),
            ],
            only=["TakeOver", "ArchiveLetter"],
            expect="FAILED",
        ),
    ]
    sweep = [
        Scenario(
            name="unheard",
            about="a run is stopped by hand, and its event is lost",
            start=stopped(subject, work, name, told=False),
            prepare=prepare,
            expect="ABORTED",
        ),
        Scenario(
            name="many",
            about="more of them than a page has",
            start=many(subject, work, name),
            only=["SweepFollowingPage"],
            expect="ABORTED",
            bring_back=False,
        ),
    ]
    return [proof("Recorder", recorder), proof("Sweep", sweep)]


RECORDER, SWEEP = net_of(
    "Order",
    "",
    an_order(),
    "o-1",
    "OrderDeadLetters",
    "DeadLetters",
    asks="ValidateOrder",
    prepare=full_shelves,
)
REPORT_RECORDER, REPORT_SWEEP = net_of(
    "Report",
    "Report",
    A_REPORT,
    "2026-01-01T0600-a-1",
    "ReportDeadLetters",
    "ReportLetters",
    asks="RequestReport",
    ignore={
        "ReportRequests.key": "a replay has the report put where its own name says",
        "ReportFiles": "a replay has the report put where its own name says",
    },
)
