"""Event-driven tasks: a token that is completed by a message or by the API; what comes twice, late
or wrong changes nothing; and what waits is listed.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskHeartbeat.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scripts import waiting_tasks
from sfnlocal.errors import ApiError, LostAnswerError
from sfnlocal.testing import LocalApp, Run
from tests.workflows.accidents import Accidents

MACHINE = "ReleaseBuild"
COMPLETIONS = "CompletionQueue"
BAD = "CompletionQueueDeadLetters"
RELEASE = {"repository": "acme/shop", "releaseId": 7, "tag": "v1"}
TASK_ID = "release-build/acme/shop/7"
BUILT = {"artifact": "acme/shop/v1.tar.gz"}


@pytest.fixture
def office(sfn: LocalApp) -> LocalApp:
    """The sandbox's builder is away: jobs stay in their queue."""
    sfn.pause_schedules()
    client = sfn.client("lambda")
    [mapping] = [
        one["UUID"]
        for one in client.list_event_source_mappings()["EventSourceMappings"]
        if "-BuilderQueue" in one["EventSourceArn"]
    ]
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    return sfn


@pytest.fixture
def accidents(office: LocalApp) -> Iterator[Accidents]:
    gate = Accidents()
    office.session.aws.add_gate(gate)
    yield gate
    gate.end()


def waiting(app: LocalApp) -> tuple[Run, dict[str, Any]]:
    """A run that waits, and its last job."""
    run = app.start(MACHINE, RELEASE, "release-1-7")
    app.advance(seconds=1)
    return run, job(app)


def job(app: LocalApp) -> dict[str, Any]:
    found: Any = app.messages("BuilderQueue")[-1]
    return dict(found)


def complete(app: LocalApp, token: str, status: str, **more: Any) -> None:
    app.send(COMPLETIONS, {"taskToken": token, "status": status, **more})
    app.advance(seconds=1)


def bad(app: LocalApp) -> list[tuple[str, str]]:
    """What was put aside, and why."""
    answer = app.client("sqs").receive_message(
        QueueUrl=app.queue_url(BAD), MaxNumberOfMessages=10, MessageAttributeNames=["why"]
    )
    return [
        (one["Body"], one["MessageAttributes"]["why"]["StringValue"])
        for one in answer.get("Messages", [])
    ]


def rows(app: LocalApp) -> list[dict[str, Any]]:
    return app.items("WaitingTasks")


# By the completion queue


def test_a_job_says_all_that_a_worker_needs(office: LocalApp) -> None:
    run, told = waiting(office)
    assert told.pop("taskToken")
    assert told == {
        "taskId": TASK_ID,
        "executionArn": run.arn,
        "attempt": 1,
        "heartbeatSeconds": 120,
        "completionQueueUrl": office.queue_url(COMPLETIONS),
        "work": RELEASE,
    }


def test_completed_ends_the_task_with_the_output(office: LocalApp) -> None:
    run, told = waiting(office)
    complete(office, told["taskToken"], "COMPLETED", output=BUILT)
    assert run.assert_succeeded().output["artifact"] == BUILT["artifact"]
    assert rows(office) == []


def test_failed_ends_the_task_with_the_error(office: LocalApp) -> None:
    run, told = waiting(office)
    complete(office, told["taskToken"], "FAILED", error="BuildFailed", cause="main.c:7")
    assert run.assert_succeeded().output["state"] == "failure"
    [status] = office.items("CommitStatuses")
    assert status["description"] == "main.c:7"


def test_an_error_that_nobody_expects_is_a_letter(office: LocalApp) -> None:
    run, told = waiting(office)
    complete(office, told["taskToken"], "FAILED", error="DiskFull")
    office.run_until_idle()
    assert run.status == "FAILED"
    letters: list[Any] = office.messages("ReleaseDeadLetters")
    assert [(one["state"], one["error"]) for one in letters] == [("Build", "DiskFull")]
    assert rows(office) == []


def test_in_progress_is_a_heartbeat(office: LocalApp) -> None:
    run, told = waiting(office)
    for _ in range(10):
        office.advance(seconds=100)
        complete(office, told["taskToken"], "IN_PROGRESS", taskId=TASK_ID)
    assert run.attempts("Build") == 1
    [row] = rows(office)
    assert (row["since"], row["heartbeatAt"]) == (
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:16:50+00:00",
    )
    complete(office, told["taskToken"], "COMPLETED", output=BUILT)
    run.assert_succeeded()


def test_without_a_heartbeat_the_next_worker_gets_the_task(office: LocalApp) -> None:
    run, told = waiting(office)
    office.advance(seconds=119)
    assert run.attempts("Build") == 1
    office.advance(seconds=32)
    again = job(office)
    assert (again["attempt"], again["taskId"]) == (2, TASK_ID)
    assert again["taskToken"] != told["taskToken"]
    complete(office, again["taskToken"], "COMPLETED", output=BUILT)
    run.assert_succeeded()


def test_a_worker_may_answer_step_functions_itself(office: LocalApp) -> None:
    run, told = waiting(office)
    client = office.client("stepfunctions")
    client.send_task_heartbeat(taskToken=told["taskToken"])
    client.send_task_success(taskToken=told["taskToken"], output=json.dumps(BUILT))
    office.advance(seconds=1)
    run.assert_succeeded()
    assert rows(office) == []


# Twice, late, nobody's


@pytest.mark.parametrize(
    "again",
    [
        {"status": "COMPLETED", "output": {"artifact": "another"}},
        {"status": "FAILED", "error": "BuildFailed"},
        {"status": "IN_PROGRESS", "taskId": TASK_ID},
    ],
    ids=lambda again: again["status"],
)
def test_the_first_answer_counts(office: LocalApp, again: dict[str, Any]) -> None:
    run, told = waiting(office)
    complete(office, told["taskToken"], "COMPLETED", output=BUILT)
    complete(office, told["taskToken"], **again)
    office.run_until_idle()
    assert run.assert_succeeded().output["artifact"] == BUILT["artifact"]
    assert rows(office) == []
    assert office.messages(BAD) == []


def test_the_answer_of_a_worker_that_was_given_up_changes_nothing(office: LocalApp) -> None:
    run, told = waiting(office)
    office.advance(seconds=160)
    complete(office, told["taskToken"], "COMPLETED", output={"artifact": "late"})
    assert run.status == "RUNNING"
    complete(office, job(office)["taskToken"], "COMPLETED", output=BUILT)
    assert run.assert_succeeded().output["artifact"] == BUILT["artifact"]
    assert office.messages(BAD) == []


def test_a_token_that_is_nobodys_changes_nothing(office: LocalApp) -> None:
    run, _ = waiting(office)
    complete(office, "AQCMAAAAKgAAAAMAAAAA", "COMPLETED", output=BUILT)
    assert run.status == "RUNNING"
    assert office.messages(BAD) == []
    assert office.messages(COMPLETIONS) == []


def test_a_heartbeat_lists_no_task_that_does_not_wait(office: LocalApp) -> None:
    _, told = waiting(office)
    complete(office, told["taskToken"], "IN_PROGRESS", taskId="another")
    complete(office, told["taskToken"], "IN_PROGRESS")
    assert [(row["taskId"], row.get("heartbeatAt")) for row in rows(office)] == [(TASK_ID, None)]


# What is no completion


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("built!", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ([], "completion must be object"),
        ({"status": "COMPLETED", "output": 1}, "must contain ['taskToken']"),
        ({"taskToken": "t", "output": 1}, "must contain ['status']"),
        ({"taskToken": "t", "status": "DONE"}, "completion.status must be one of"),
        ({"taskToken": "t", "status": "COMPLETED"}, "must contain ['output']"),
        ({"taskToken": "t", "status": "COMPLETED", "output": 1, "error": "E"}, "completion"),
        ({"taskToken": "t", "status": "FAILED"}, "must contain ['error']"),
        ({"taskToken": "t", "status": "FAILED", "error": "E" * 257}, "completion.error"),
        ({"taskToken": "t", "status": "IN_PROGRESS", "output": 1}, "completion"),
        ({"taskToken": "t", "status": "IN_PROGRESS", "cause": "c"}, "completion"),
        ({"taskToken": "t", "status": "IN_PROGRESS", "progress": 1}, "progress"),
        ({"taskToken": "t" * 2049, "status": "IN_PROGRESS"}, "completion.taskToken"),
    ],
)
def test_a_bad_message_is_put_aside_with_the_reason(office: LocalApp, body: Any, why: str) -> None:
    office.send(COMPLETIONS, body)
    office.advance(seconds=1)
    [(text, reason)] = bad(office)
    assert text == (body if isinstance(body, str) else json.dumps(body, separators=(",", ":")))
    assert why in reason
    assert office.messages(COMPLETIONS) == []


def test_an_output_that_is_too_large_is_put_aside_with_the_reason(office: LocalApp) -> None:
    run, told = waiting(office)
    complete(office, told["taskToken"], "COMPLETED", output={"artifact": "x" * 262_200})
    [(_, reason)] = bad(office)
    assert "output" in reason
    assert run.status == "RUNNING"


def test_one_bad_message_holds_up_no_other_of_its_batch(office: LocalApp) -> None:
    run, told = waiting(office)
    office.send(COMPLETIONS, "no completion")
    office.send(
        COMPLETIONS, {"taskToken": told["taskToken"], "status": "COMPLETED", "output": BUILT}
    )
    office.send(COMPLETIONS, {"taskToken": "t"})
    office.advance(seconds=1)
    run.assert_succeeded()
    assert len(bad(office)) == 2


# Faults of AWS


@pytest.mark.parametrize(
    ("operation", "status", "more"),
    [
        ("SendTaskSuccess", "COMPLETED", {"output": BUILT}),
        ("SendTaskFailure", "FAILED", {"error": "BuildFailed"}),
        ("SendTaskHeartbeat", "IN_PROGRESS", {"taskId": TASK_ID}),
        ("UpdateItem", "IN_PROGRESS", {"taskId": TASK_ID}),
    ],
)
@pytest.mark.parametrize(
    "error",
    [ApiError("ThrottlingException", "Rate exceeded"), LostAnswerError("read timeout")],
    ids=["refused", "lost"],
)
def test_a_message_that_was_not_taken_comes_again(
    office: LocalApp,
    accidents: Accidents,
    operation: str,
    status: str,
    more: dict[str, Any],
    error: Any,
) -> None:
    run, told = waiting(office)
    accidents.happen(operation, error)
    complete(office, told["taskToken"], status, **more)
    accidents.end()
    office.advance(seconds=40)
    if status == "IN_PROGRESS":
        assert run.attempts("Build") == 1
        complete(office, told["taskToken"], "COMPLETED", output=BUILT)
    office.run_until_idle()
    run.assert_succeeded()
    assert office.messages(COMPLETIONS) == []
    assert office.messages(BAD) == []


def test_a_machine_that_is_not_granted_is_left_to_the_queue(
    office: LocalApp, accidents: Accidents
) -> None:
    _, told = waiting(office)
    accidents.happen("SendTaskSuccess", ApiError("AccessDeniedException", "not authorized"))
    complete(office, told["taskToken"], "COMPLETED", output=BUILT)
    office.advance(minutes=6)
    [left] = office.messages(BAD)
    assert left == {"taskToken": told["taskToken"], "status": "COMPLETED", "output": BUILT}


# What waits


def test_what_waits_is_listed(office: LocalApp, capsys: pytest.CaptureFixture[str]) -> None:
    run, told = waiting(office)
    complete(office, told["taskToken"], "IN_PROGRESS", taskId=TASK_ID)
    assert listed(office, capsys) == [
        {
            "task_id": TASK_ID,
            "state": "Build",
            "execution_arn": run.arn,
            "since": "2026-01-01T00:00:00Z",
            "heartbeat_seconds": 120,
            "heartbeat_at": "2026-01-01T00:00:01+00:00",
        }
    ]
    complete(office, told["taskToken"], "COMPLETED", output=BUILT)
    assert listed(office, capsys) == []


def test_a_retry_waits_since_the_first_attempt(
    office: LocalApp, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting(office)
    office.advance(minutes=5)
    [one] = listed(office, capsys)
    assert (one["since"], one["heartbeat_at"]) == ("2026-01-01T00:00:00Z", None)


def test_a_run_that_was_stopped_is_listed_no_longer_than_it_could_have_waited(
    office: LocalApp, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = waiting(office)
    office.session.stop_execution(run.arn)
    office.advance(hours=9)
    assert len(listed(office, capsys)) == 1
    office.advance(hours=1)
    assert listed(office, capsys) == []


def listed(app: LocalApp, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert waiting_tasks.main(["--table", app.table("WaitingTasks"), "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found
