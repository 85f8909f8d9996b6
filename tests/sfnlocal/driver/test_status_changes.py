"""Step Functions' events of executions that start and end.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver import status_changes
from sfnlocal.interpreter import Execution
from sfnlocal.testing import LocalApp, load

APP = Path(__file__).with_name("status_changes.yaml")


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(APP, iam=False) as loaded:
        yield loaded


def heard(app: LocalApp) -> list[dict[str, Any]]:
    """The events so far, in the order in which they were sent."""
    app.run_until_idle()
    return app.messages("Heard")


def details(app: LocalApp) -> list[dict[str, Any]]:
    return [event["detail"] for event in heard(app)]


def test_an_execution_that_succeeds_is_told_of_at_its_start_and_end(app: LocalApp) -> None:
    run = app.start("Echo", {"wait": 1}, "one")
    start_ms = run.execution.start_ms
    began, ended = heard(app)
    assert began == {
        "version": "0",
        "id": began["id"],
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [run.arn],
        "detail": {
            "executionArn": run.arn,
            "stateMachineArn": run.execution.state_machine_arn,
            "name": "one",
            "status": "RUNNING",
            "startDate": start_ms,
            "stopDate": None,
            "input": '{"wait":1}',
            "output": None,
            "stateMachineVersionArn": None,
            "stateMachineAliasArn": None,
            "redriveCount": 0,
            "redriveDate": None,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
            "error": None,
            "cause": None,
            "inputDetails": {"included": True},
            "outputDetails": None,
        },
    }
    assert ended["time"] == "2026-01-01T00:01:00Z"
    assert ended["id"] != began["id"]
    assert ended["detail"] == {
        **began["detail"],
        "status": "SUCCEEDED",
        "stopDate": start_ms + 60_000,
        "output": '{"wait":1}',
        "outputDetails": {"included": True},
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }


def test_an_execution_that_fails_tells_its_error_and_can_be_redriven(app: LocalApp) -> None:
    app.run("Echo", {"fail": 1})
    _, failed = details(app)
    assert failed["status"] == "FAILED"
    assert (failed["error"], failed["cause"]) == ("Broken", "for good")
    assert (failed["output"], failed["outputDetails"]) == (None, None)
    assert (failed["redriveStatus"], failed["redriveStatusReason"]) == ("REDRIVABLE", None)


def test_an_execution_that_is_redriven_is_told_of_again(app: LocalApp) -> None:
    run = app.run("Echo", {"fail": 1})
    app.advance(seconds=30)
    app.session.redrive_execution(run.arn)
    _, failed, began, failed_again = details(app)
    redriven_ms = run.execution.start_ms + 30_000
    assert (failed["redriveCount"], failed["redriveDate"]) == (0, None)
    assert (began["status"], began["redriveCount"], began["redriveDate"]) == (
        "RUNNING",
        1,
        redriven_ms,
    )
    assert (began["stopDate"], began["error"]) == (None, None)
    assert (failed_again["status"], failed_again["stopDate"]) == ("FAILED", redriven_ms)


def test_stopped_and_timed_out_executions_are_told_of(app: LocalApp) -> None:
    run = app.start("Echo", {"wait": 1})
    app.session.stop_execution(run.arn, "Stopped", "by hand")
    app.run("Slow", {})
    told = [detail["status"] for detail in details(app)]
    assert told == ["RUNNING", "ABORTED", "RUNNING", "TIMED_OUT"]


def test_an_execution_of_an_alias_tells_version_and_alias(app: LocalApp) -> None:
    run = app.run("EchoAlias", {})
    detail = details(app)[0]
    assert detail["stateMachineAliasArn"] == f"{run.execution.state_machine_arn}:live"
    assert detail["stateMachineVersionArn"] == f"{run.execution.state_machine_arn}:1"


def test_express_executions_send_no_events(app: LocalApp) -> None:
    app.run("Quick", {})
    assert heard(app) == []


def test_child_executions_of_a_map_run_send_none(app: LocalApp) -> None:
    app.run("Many", [1, 2, 3]).assert_succeeded()
    assert [detail["status"] for detail in details(app)] == ["RUNNING", "SUCCEEDED"]


def test_an_event_of_more_than_248_kb_goes_without_its_input(app: LocalApp) -> None:
    # As text in the event, the input has four characters more for its quotes' escapes.
    limit = 248 * 1024
    half = "x" * (limit // 2 - 6)
    app.run("Echo", half)
    app.run("Echo", half + "x")
    _, both, _, one = details(app)
    assert both["inputDetails"] == both["outputDetails"] == {"included": True}
    assert one["inputDetails"] == {"included": False}
    assert one["input"] is None
    assert one["outputDetails"] == {"included": True}
    assert one["output"] == f'"{half}x"'


def test_an_output_of_more_than_248_kb_is_left_out_too(app: LocalApp) -> None:
    app.run("Echo", "x" * (248 * 1024))
    _, ended = details(app)
    assert (ended["input"], ended["output"]) == (None, None)
    assert ended["inputDetails"] == ended["outputDetails"] == {"included": False}


def test_an_event_that_nobody_could_want_is_not_made(
    app: LocalApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    detail_of = status_changes.status_detail

    def noted(execution: Execution) -> dict[str, Any]:
        made.append(execution.status)
        return detail_of(execution)

    monkeypatch.setattr(status_changes, "status_detail", noted)
    pattern = '{"source":["aws.states"],"detail":{"status":["FAILED"]}}'
    events = app.client("events")
    [rule] = events.list_rules()["Rules"]
    events.put_rule(Name=rule["Name"], EventPattern=pattern)
    app.run("Echo", {})
    assert made == []
    app.run("Echo", {"fail": 1})
    assert made == ["FAILED"]
    events.disable_rule(Name=rule["Name"])
    app.run("Echo", {"fail": 1})
    assert made == ["FAILED"]


def test_a_test_can_lose_an_event(app: LocalApp) -> None:
    app.session.triggers.buses.lose_next({"detail": {"status": ["FAILED"]}})
    app.run("Echo", {"fail": 1})
    app.run("Echo", {"fail": 2})
    assert [detail["status"] for detail in details(app)] == ["RUNNING", "RUNNING", "FAILED"]
