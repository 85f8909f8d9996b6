"""Mocked outcomes of each pattern of a task: answered, failed, called, or called in vain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import InputError
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Success, load

APP = Path(__file__).parent / "mocked_tasks.yaml"


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(APP) as loaded:
        yield loaded


def test_outcomes_are_used_in_order_and_the_last_one_stays(app: LocalApp) -> None:
    app.mock("send", "Do", [Failure("Sometimes"), Success({"MessageId": "mocked"})])
    assert app.run("send", {}).assert_succeeded().attempts("Do") == 2
    assert app.run("send", {}).assert_succeeded({"id": "mocked"}).attempts("Do") == 1
    assert app.messages("Box") == []


def test_a_lost_answer_leaves_the_side_effect(app: LocalApp) -> None:
    app.mock("send", "Do", [Lost("Sometimes"), CALL])
    assert app.run("send", {}).assert_succeeded().attempts("Do") == 2
    assert app.messages("Box") == ["sent", "sent"]


def test_a_lost_answer_may_be_what_the_execution_fails_with(app: LocalApp) -> None:
    app.mock("send", "Do", [Lost("Always", "for good")])
    run = app.run("send", {}).assert_failed("Always")
    assert (run.cause, app.messages("Box")) == ("for good", ["sent"])


def test_an_answer_that_is_lost_later_than_the_time_out_is_not_heard(app: LocalApp) -> None:
    app.mock("send", "Do", [Lost("Never heard", elapsed_ms=90_000), CALL])
    run = app.run("send", {}).assert_succeeded()
    assert run.duration_ms == 61_000
    assert app.messages("Box") == ["sent", "sent"]


def test_what_holds_a_token_is_mocked_with_its_answer(app: LocalApp) -> None:
    app.mock("ask", "Do", [Success({"approved": True}, elapsed_ms=5_000)])
    run = app.run("ask", {}).assert_succeeded({"approved": True})
    assert run.duration_ms == 5_000
    assert [event["type"] for event in run.events[2:6]] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]


def test_a_token_whose_sending_lost_its_answer_is_void(app: LocalApp) -> None:
    app.mock("ask", "Do", [Lost("Sometimes"), CALL])
    run = app.run("ask", {})
    [first, second] = [message["token"] for message in app.messages("Box")]
    with pytest.raises(ClientError, match="TaskTimedOut"):
        app.client("stepfunctions").send_task_success(taskToken=first, output="1")
    app.session.send_task_success(second, 2)
    app.run_until_idle()
    run.assert_succeeded(2)


@pytest.mark.parametrize("again", ["success", "failure", "heartbeat"])
def test_a_token_that_was_answered_at_this_moment_is_void(app: LocalApp, again: str) -> None:
    run = app.run("ask", {})
    [message] = app.messages("Box")
    client, token = app.client("stepfunctions"), {"taskToken": message["token"]}
    client.send_task_heartbeat(**token)
    client.send_task_success(**token, output="1")
    calls = {
        "success": lambda: client.send_task_success(**token, output="2"),
        "failure": lambda: client.send_task_failure(**token),
        "heartbeat": lambda: client.send_task_heartbeat(**token),
    }
    with pytest.raises(ClientError, match="TaskTimedOut"):
        calls[again]()
    app.run_until_idle()
    run.assert_succeeded(1)


def test_a_job_is_mocked_with_its_result(app: LocalApp) -> None:
    app.mock("run", "Do", [Success({"Status": "mocked"}, elapsed_ms=7_000)])
    run = app.run("run", {}).assert_succeeded("mocked")
    assert run.duration_ms == 7_000
    assert app.executions("wait") == []


@pytest.mark.parametrize(
    ("elapsed_ms", "output"),
    [pytest.param(0, "SUCCEEDED", id="it runs"), pytest.param(40_000, "known", id="it has ended")],
)
def test_a_child_whose_start_lost_its_answer_runs_on(
    app: LocalApp, elapsed_ms: int, output: str
) -> None:
    app.mock("run", "Do", [Lost("Sometimes", elapsed_ms=elapsed_ms), CALL])
    app.run("run", {}).assert_succeeded(output)
    [child] = app.executions("wait")
    child.assert_succeeded()
    assert child.duration_ms == 30_000


def test_mocks_can_be_taken_away(app: LocalApp) -> None:
    app.mock("send", "Do", [Failure("Always")])
    app.run("send", {}).assert_failed("Always")
    app.mock("send", "Do", [])
    app.run("send", {}).assert_succeeded()
    app.mock("send", "Do", [Failure("Always")])
    app.session.mocks.clear()
    app.run("send", {}).assert_succeeded()


def test_anything_else_is_no_outcome(app: LocalApp) -> None:
    with pytest.raises(InputError, match="not an outcome: 'ok'"):
        app.mock("send", "Do", ["ok"])  # type: ignore[list-item]
