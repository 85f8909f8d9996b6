"""The report workflow: every single fault from the schedule's start to the last message."""

from __future__ import annotations

from typing import Any

from sfnlocal.limits import PAYLOAD_BYTES_MAX
from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from

SIX = "2026-01-01T06:00:00Z"
NAME = "2026-01-01T0600-a-1"
ARCHIVE = {"ReportLetters": "the archive keeps each letter"}
REPEATED = ("ReportMessages",)


def an_account(**settings: object) -> Any:
    """Make the sandbox's provider treat the account differently."""

    def prepare(app: LocalApp) -> None:
        app.put_item("ReportRequests", {"reportId": "#a-1", "messageBytes": 40, **settings})

    return prepare


def a_report(size: object = 1) -> dict[str, Any]:
    return {"scheduledTime": SIX, "account": {"accountId": "a-1", "size": size}}


def of_accounts(*account_ids: str) -> dict[str, Any]:
    accounts = [{"accountId": account_id, "size": 1} for account_id in account_ids]
    return {"scheduledTime": SIX, "accounts": accounts}


def started_before(app: LocalApp) -> None:
    """The schedule has fired twice."""
    app.run("DailyReports", of_accounts("a-1"), "before").assert_succeeded()


# What must not happen twice


def reports(app: LocalApp) -> dict[str, int]:
    """Requests to the provider, by account and key."""
    found: dict[str, int] = {}
    for item in app.items("ReportRequests"):
        if not item["reportId"].startswith("#"):
            found[item["key"]] = found.get(item["key"], 0) + 1
    return found


def messages_are_whole(app: LocalApp) -> None:
    """Where a run succeeded, each of its messages is there; a message may come twice."""
    for run in app.executions("Report"):
        if run.status == "SUCCEEDED" and "messages" in run.output:
            name = run.output["reportId"]
            sent = {one["messageId"] for one in app.messages("ReportMessages")}
            expected = {f"{name}-{number}" for number in range(run.output["messages"])}
            assert expected <= sent, f"{sorted(expected - sent)} were not sent"


REPORT = Proof(
    state_machine="Report",
    scenarios=[
        Scenario(
            name="sent",
            about="25 messages in three batches, ready at the third fetch",
            input=a_report(),
            execution_name=NAME,
            prepare=an_account(readyAfterSeconds=150, messages=25),
        ),
        Scenario(
            name="small",
            about="an account without a size of its own",
            input=a_report(0),
            execution_name=NAME,
            prepare=an_account(readyAfterSeconds=60, messages=1),
        ),
        Scenario(
            name="large",
            about="an account that takes longer than the first wait can be",
            input=a_report(11),
            execution_name=NAME,
            prepare=an_account(readyAfterSeconds=60, messages=1),
        ),
        Scenario(
            name="empty",
            about="a report without a message",
            input=a_report(),
            execution_name=NAME,
            prepare=an_account(readyAfterSeconds=60, messages=0),
        ),
        Scenario(
            name="refused",
            about="the provider does not make it",
            input=a_report(),
            execution_name=NAME,
            prepare=an_account(refusedBecause="the account is closed"),
            expect="FAILED",
        ),
        Scenario(
            name="never-ready",
            about="the provider takes too long",
            input=a_report(),
            execution_name=NAME,
            prepare=an_account(readyAfterSeconds=100_000, messages=1),
            expect="FAILED",
        ),
        Scenario(
            name="incomplete",
            about="no account",
            input={"scheduledTime": SIX},
            execution_name=NAME,
            expect="FAILED",
        ),
        Scenario(
            name="incomplete-and-large",
            about="no account, too large for a letter",
            input={"scheduledTime": SIX, "note": "x" * 200_000},
            execution_name=NAME,
            expect="FAILED",
        ),
        Scenario(
            name="resent",
            about="SQS does not take the whole first batch",
            input=a_report(),
            execution_name=NAME,
            prepare=an_account(readyAfterSeconds=60, messages=11),
            given=[Fault("state:Report/SendBatch#1", "in-part")],
            only=["ResendRefused"],
        ),
    ],
    dead_letters="ReportDeadLetters",
    replay=replay_from("ReportLetters"),
    letter_states=LETTER_STATES,
    schedules=("Reports/ReportSweep/Hourly",),
    effects={"request of report": reports},
    invariants=[messages_are_whole],
    outcomes=("ReportEmpty",),
    at_least_once=REPEATED,
    ignore={
        **ARCHIVE,
        "ReportRequests.key": "a replay has the report put where its own name says",
        "ReportFiles": "a replay has the report put where its own name says",
    },
)

DAILY_REPORTS = Proof(
    state_machine="DailyReports",
    scenarios=[
        Scenario(
            name="accounts",
            about="two accounts",
            input=of_accounts("a-1", "a-2"),
            execution_name="daily",
        ),
        Scenario(
            name="again",
            about="the schedule has fired twice",
            input=of_accounts("a-1"),
            execution_name="daily",
            prepare=started_before,
        ),
        Scenario(
            name="incomplete",
            about="no accounts",
            input={"scheduledTime": SIX},
            execution_name="daily",
            expect="FAILED",
        ),
        Scenario(
            name="nameless",
            about="an account without an id",
            input={"scheduledTime": SIX, "accounts": [{"size": 1}]},
            execution_name="daily",
            expect="FAILED",
        ),
        Scenario(
            name="many-nameless",
            about="more of them than a cause can name",
            input={"scheduledTime": SIX, "accounts": [{"size": 1}] * 100},
            execution_name="daily",
            only=["ArchiveLetter"],
            expect="FAILED",
        ),
        Scenario(
            name="incomplete-and-large",
            about="no accounts, too large for a letter",
            input={"scheduledTime": SIX, "note": "x" * 200_000},
            execution_name="daily",
            only=["StoreInput"],
            expect="FAILED",
        ),
        Scenario(
            name="too-large",
            about="an account that fits the run, and not the start of its report",
            input=of_accounts("a" * (PAYLOAD_BYTES_MAX - 90)),
            execution_name="daily",
            only=["stepfunctions.StartExecution"],
            expect="FAILED",
            caught=False,
        ),
    ],
    dead_letters="ReportDeadLetters",
    replay=replay_from("ReportLetters"),
    letter_states=LETTER_STATES,
    schedules=("Reports/ReportSweep/Hourly",),
    effects={"request of report": reports},
    invariants=[messages_are_whole],
    at_least_once=REPEATED,
    ignore=ARCHIVE,
)
