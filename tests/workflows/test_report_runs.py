"""The report workflow as deployed, in virtual time: waits, batches, duplicates and dead letters.

Relied upon:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
(a name starts one execution)
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
(the time that was meant)
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
(answers 200 with `Failed`; ten entries)
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
(Retriers in their order, each with a count of its own)
"""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest

from scripts import replay_dead_letters
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run, Success

SIX = "2026-01-01T06:00:00Z"
NAME = "2026-01-01T0600-a-1"


def an_input(size: object = 1, account_id: str = "a-1") -> dict[str, Any]:
    return {"scheduledTime": SIX, "account": {"accountId": account_id, "size": size}}


def of_accounts(*account_ids: str) -> dict[str, Any]:
    return {
        "scheduledTime": SIX,
        "accounts": [{"accountId": account_id, "size": 1} for account_id in account_ids],
    }


def set_account(sfn: LocalApp, account_id: str = "a-1", **settings: object) -> None:
    """Make the sandbox's provider treat an account differently."""
    sfn.put_item(
        "ReportRequests",
        {
            "reportId": f"#{account_id}",
            "readyAfterSeconds": 60,
            "messages": 1,
            "messageBytes": 40,
            **settings,
        },
    )


def reports(sfn: LocalApp) -> list[dict[str, Any]]:
    return [item for item in sfn.items("ReportRequests") if not item["reportId"].startswith("#")]


def lines(sfn: LocalApp) -> list[int]:
    """The lines of the messages in the queue, in order."""
    return sorted(message["content"]["line"] for message in sfn.messages("ReportMessages"))


def seconds(run: Run, state: str) -> list[float]:
    """When a state was entered, after the run's start."""
    return [(entered - run.execution.start_ms) / 1000 for entered in run.entered_ms(state)]


def the_letter(sfn: LocalApp) -> dict[str, Any]:
    """The one letter: in the queue and, the same, in the archive."""
    (message,) = sfn.messages("ReportDeadLetters")
    (item,) = sfn.items("ReportLetters")
    assert json.loads(item["letter"]) == message
    assert item["status"] == "SENT"
    return dict(message)


def refused(*places: int) -> Success:
    """A batch's answer when SQS took the rest of ten messages."""
    return Success(
        {
            "Successful": [{"Id": str(n), "MessageId": f"m-{n}"} for n in {*range(10)} - {*places}],
            "Failed": [
                {"Id": str(n), "Code": "InternalError", "SenderFault": False} for n in places
            ],
        }
    )


def test_a_report_is_waited_for_and_sent(sfn: LocalApp) -> None:
    run = sfn.run("Report", an_input(size=5), NAME)
    (report,) = reports(sfn)
    run.assert_succeeded(
        {
            "accountId": "a-1",
            "scheduledTime": SIX,
            "reportId": report["reportId"],
            "messages": 25,
            "batches": 3,
        }
    )
    assert run.attempts("SendBatch") == 3
    assert lines(sfn) == list(range(1, 26))
    messages = sfn.messages("ReportMessages")
    assert {message["messageId"] for message in messages} == {
        f"{report['reportId']}-{number}" for number in range(25)
    }
    assert sfn.items("ReportLetters") == []


@pytest.mark.parametrize(
    ("size", "waited_s"), [(-3, 60), (0, 60), (1, 60), (3, 180), (10, 600), (11, 600), (99, 600)]
)
def test_the_first_wait_is_as_many_minutes_as_the_account_is_large(
    sfn: LocalApp, size: int, waited_s: int
) -> None:
    run = sfn.run("Report", an_input(size), NAME).assert_succeeded()
    assert seconds(run, "FetchReport") == [waited_s]


def test_a_report_that_is_not_ready_is_waited_for_longer_each_time(sfn: LocalApp) -> None:
    set_account(sfn, readyAfterSeconds=481)
    run = sfn.run("Report", an_input(), NAME).assert_succeeded()
    assert seconds(run, "FetchReport") == [60, 120, 240, 480, 960]
    assert lines(sfn) == [1]


def test_a_report_that_is_never_ready_holds_up_no_other_account(sfn: LocalApp) -> None:
    set_account(sfn, "a-2", readyAfterSeconds=10**9)
    sfn.run("DailyReports", of_accounts("a-1", "a-2", "a-3")).assert_succeeded()
    first, second, third = sfn.executions("Report")
    first.assert_succeeded()
    third.assert_succeeded()
    second.assert_failed("ReportNeverReady")
    waits = [60, 60, 120, 240, 480, 960, 1800, 1800]
    assert seconds(second, "FetchReport") == [sum(waits[: n + 1]) for n in range(len(waits))]
    assert {m["accountId"] for m in sfn.messages("ReportMessages")} == {"a-1", "a-3"}
    letter = the_letter(sfn)
    assert (letter["state"], letter["attempts"]) == ("NeverReady", 1)
    assert letter["cause"] == second.cause
    assert letter["input"]["account"] == {"accountId": "a-2", "size": 1}
    assert letter["executionArn"] == second.arn


def test_its_replay_asks_for_the_same_report(sfn: LocalApp) -> None:
    set_account(sfn, readyAfterSeconds=7200)
    sfn.run("Report", an_input(), NAME).assert_failed("ReportNeverReady")
    sfn.advance(hours=1)
    with redirect_stdout(StringIO()):
        replay_dead_letters.main(
            [
                *("--queue-url", sfn.queue_url("ReportDeadLetters")),
                *("--table", sfn.table("ReportLetters")),
                *("--wait-s", "0"),
            ]
        )
    sfn.run_until_idle()
    replay = sfn.executions("Report")[-1].assert_succeeded()
    assert replay.execution.name == f"{NAME}-replay-1"
    assert sfn.messages("ReportDeadLetters") == []
    assert len(reports(sfn)) == 1
    assert seconds(replay, "FetchReport") == [60]
    assert lines(sfn) == [1]


@pytest.mark.parametrize(
    ("settings", "error", "state", "said"),
    [
        ({"refusedBecause": "the account is closed"}, "ReportNotMade", "NotMade", "is closed"),
        ({"messageBytes": 250_000}, "MessageTooLarge", "TakeBatch", "message 0 takes 250"),
    ],
)
def test_what_no_wait_could_help_is_a_dead_letter_at_once(
    sfn: LocalApp, settings: dict[str, Any], error: str, state: str, said: str
) -> None:
    set_account(sfn, **settings)
    run = sfn.run("Report", an_input(), NAME).assert_failed(error)
    letter = the_letter(sfn)
    assert (letter["state"], letter["error"]) == (state, error)
    assert said in json.dumps(letter["cause"])
    assert run.attempts("FetchReport") == 1
    assert run.attempts("TakeBatch") <= 1


@pytest.mark.parametrize(
    "incomplete",
    [
        {},
        {"scheduledTime": SIX},
        {"scheduledTime": SIX, "account": {"accountId": "a-1"}},
        an_input(size="large"),
        {"scheduledTime": None, "account": {"accountId": "a-1", "size": 1}},
    ],
)
def test_an_incomplete_input_is_a_dead_letter_and_no_request(
    sfn: LocalApp, incomplete: dict[str, Any]
) -> None:
    sfn.run("Report", incomplete, NAME).assert_failed("ReportInputInvalid")
    assert the_letter(sfn)["input"] == incomplete
    assert reports(sfn) == []


def test_an_outage_of_the_provider_is_waited_out(sfn: LocalApp) -> None:
    outage = Failure("ReportProviderUnavailable", '{"errorMessage": "503"}')
    sfn.mock("Report", "RequestReport", [outage, outage, CALL])
    sfn.mock("Report", "FetchReport", [outage, CALL])
    run = sfn.run("Report", an_input(), NAME).assert_succeeded()
    assert (run.attempts("RequestReport"), run.attempts("FetchReport")) == (3, 2)


def test_an_outage_that_lasts_is_a_dead_letter_with_its_parsed_cause(sfn: LocalApp) -> None:
    cause = '{"errorType": "ReportProviderUnavailable"}'
    sfn.mock("Report", "FetchReport", [Failure("ReportProviderUnavailable", cause)])
    run = sfn.run("Report", an_input(), NAME).assert_failed("ReportProviderUnavailable")
    letter = the_letter(sfn)
    assert (letter["state"], letter["attempts"]) == ("FetchReport", run.attempts("FetchReport"))
    assert letter["cause"] == json.loads(cause)


def test_an_empty_report_is_an_outcome(sfn: LocalApp) -> None:
    set_account(sfn, messages=0)
    run = sfn.run("Report", an_input(), NAME).assert_succeeded()
    assert (run.output["messages"], run.output["batches"]) == (0, 0)
    assert "SendBatch" not in run.visited


def test_a_report_that_becomes_empty_while_it_is_sent_is_a_failure(sfn: LocalApp) -> None:
    set_account(sfn, messages=25)
    sfn.mock("Report", "TakeBatch", [CALL, Failure("ReportEmpty", "nothing is left")])
    sfn.run("Report", an_input(), NAME).assert_failed("ReportInvalid")
    letter = the_letter(sfn)
    assert (letter["state"], letter["input"]) == ("MessagesGone", an_input())
    assert letter["cause"] == "the report has become empty after batch 1"


def test_a_report_over_the_byte_limit_is_sent_in_more_batches(sfn: LocalApp) -> None:
    set_account(sfn, messages=5, messageBytes=100_000)
    run = sfn.run("Report", an_input(), NAME).assert_succeeded()
    assert (run.output["messages"], run.output["batches"]) == (5, 3)
    assert lines(sfn) == [1, 2, 3, 4, 5]


def test_only_the_messages_that_sqs_refused_are_sent_again(sfn: LocalApp) -> None:
    set_account(sfn, messages=10)
    sfn.mock("Report", "SendBatch", [refused(1, 7)])
    run = sfn.run("Report", an_input(), NAME).assert_succeeded()
    # The mocked batch sent nothing, so what lies in the queue is what was sent again.
    assert lines(sfn) == [2, 8]
    assert seconds(run, "ResendRefused") == [62]


def test_what_is_refused_again_is_sent_once_more_alone(sfn: LocalApp) -> None:
    set_account(sfn, messages=10)
    sfn.mock("Report", "SendBatch", [refused(1, 3, 7)])
    sfn.mock("Report", "ResendRefused", [refused(7), CALL])
    run = sfn.run("Report", an_input(), NAME).assert_succeeded()
    assert lines(sfn) == [8]
    assert seconds(run, "ResendRefused") == [62, 72]


def test_the_next_batch_has_all_its_resends(sfn: LocalApp) -> None:
    set_account(sfn, messages=20)
    sfn.mock("Report", "SendBatch", [refused(0), refused(9)])
    sfn.mock("Report", "ResendRefused", [refused(0), refused(0), CALL, refused(9), CALL])
    sfn.run("Report", an_input(), NAME).assert_succeeded()
    assert lines(sfn) == [1, 20]


def test_what_sqs_refuses_for_good_is_a_dead_letter(sfn: LocalApp) -> None:
    set_account(sfn, messages=10)
    sfn.mock("Report", "SendBatch", [refused(1, 7)])
    sfn.mock("Report", "ResendRefused", [refused(7)])
    run = sfn.run("Report", an_input(), NAME).assert_failed("MessagesRefused")
    assert run.attempts("ResendRefused") == 3
    letter = the_letter(sfn)
    assert letter["state"] == "NotAllSent"
    assert '"Id":"7"' in letter["cause"]
    assert '"Id":"1"' not in letter["cause"]


@pytest.mark.parametrize("state", ["RequestReport", "FetchReport", "TakeBatch"])
def test_a_lost_answer_is_asked_for_again_and_changes_nothing(sfn: LocalApp, state: str) -> None:
    sfn.mock("Report", state, [Lost("States.Timeout"), CALL])
    run = sfn.run("Report", an_input(), NAME).assert_succeeded()
    assert run.attempts(state) == 2
    assert len(reports(sfn)) == 1
    assert lines(sfn) == [1, 2, 3, 4, 5]


def test_a_batch_whose_answer_is_lost_comes_twice_under_the_same_ids(sfn: LocalApp) -> None:
    sfn.mock("Report", "SendBatch", [Lost("Sqs.SdkClientException"), CALL])
    sfn.run("Report", an_input(), NAME).assert_succeeded()
    messages = sfn.messages("ReportMessages")
    assert len(messages) == 10
    assert len({message["messageId"] for message in messages}) == 5


def test_a_start_whose_answer_is_lost_starts_nothing_twice(sfn: LocalApp) -> None:
    sfn.mock("DailyReports", "StartReport", [Lost("States.Timeout"), CALL])
    sfn.run("DailyReports", of_accounts("a-1")).assert_succeeded()
    assert len(sfn.executions("Report")) == 1


@pytest.mark.parametrize("first_has_ended", [True, False])
def test_a_schedule_that_fires_twice_does_the_work_once(
    sfn: LocalApp, first_has_ended: bool
) -> None:
    first = sfn.start("DailyReports", of_accounts("a-1", "a-2"))
    if first_has_ended:
        sfn.run_until_idle()
    second = sfn.start("DailyReports", of_accounts("a-1", "a-2"))
    sfn.run_until_idle()
    assert [report["outcome"] for report in first.output] == ["STARTED", "STARTED"]
    assert [report["outcome"] for report in second.assert_succeeded().output] == [
        "ALREADY_STARTED",
        "ALREADY_STARTED",
    ]
    assert len(sfn.executions("Report")) == len(reports(sfn)) == 2
    assert len(sfn.messages("ReportMessages")) == 10
    assert sfn.items("ReportLetters") == []


def test_the_next_day_is_other_work(sfn: LocalApp) -> None:
    sfn.run("DailyReports", of_accounts("a-1")).assert_succeeded()
    tomorrow = {**of_accounts("a-1"), "scheduledTime": "2026-01-02T06:00:00Z"}
    sfn.run("DailyReports", tomorrow).assert_succeeded()
    assert [run.execution.name for run in sfn.executions("Report")] == [
        "2026-01-01T0600-a-1",
        "2026-01-02T0600-a-1",
    ]
    assert len(reports(sfn)) == 2


def test_a_report_that_cannot_be_started_holds_up_no_other_account(sfn: LocalApp) -> None:
    throttled = Failure("StepFunctions.ExecutionLimitExceededException", "too many")
    sfn.mock("DailyReports", "StartReport", [CALL, throttled])
    run = sfn.run("DailyReports", of_accounts("a-1", "a-2", "a-3"), "day")
    run.assert_failed("ReportsNotStarted")
    assert [report.output["accountId"] for report in sfn.executions("Report")] == ["a-1"]
    letter = the_letter(sfn)
    assert letter["state"] == "SomeNotStarted"
    errors = [report["error"]["Error"] for report in letter["cause"]["notStarted"]]
    assert errors == ["StepFunctions.ExecutionLimitExceededException"] * 2

    sfn.mock("DailyReports", "StartReport", [])
    replay = sfn.run("DailyReports", letter["input"], "day-replay-1").assert_succeeded()
    outcomes = [report["outcome"] for report in replay.output]
    assert outcomes == ["ALREADY_STARTED", "STARTED", "STARTED"]
    assert len(reports(sfn)) == 3


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"scheduledTime": SIX, "accounts": []},
        {**of_accounts("a-1"), "scheduledTime": "today"},
    ],
)
def test_a_day_without_a_time_or_accounts_is_a_dead_letter(
    sfn: LocalApp, given: dict[str, Any]
) -> None:
    sfn.run("DailyReports", given).assert_failed("ReportInputInvalid")
    assert the_letter(sfn)["state"] == "InputIncomplete"


def test_an_account_without_an_id_holds_up_no_other(sfn: LocalApp) -> None:
    given = of_accounts("a-1")
    given["accounts"].insert(0, {"size": 3})
    sfn.run("DailyReports", given).assert_failed("ReportsNotStarted")
    (report,) = sfn.executions("Report")
    report.assert_succeeded()


def test_an_aborted_report_gets_its_letter_from_outside(sfn: LocalApp) -> None:
    run = sfn.start("Report", an_input(), NAME)
    sfn.advance(seconds=30)
    sfn.session.stop_execution(run.arn, "Stopped", "by hand")
    sfn.run_until_idle()
    (recorder,) = sfn.executions("ReportRecorder")
    recorder.assert_succeeded()
    letter = the_letter(sfn)
    assert (letter["error"], letter["state"]) == ("Stopped", None)
    assert letter["input"] == an_input()
