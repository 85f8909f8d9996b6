"""What CloudWatch Logs gets of executions; in this process, where time and weeks are cheap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.execution_log_events import LEVELS
from sfnlocal.template import App, load_app
from sfnlocal.testing.local_app import LocalApp

HERE = Path(__file__).parent
LEVEL_TABLE = json.loads((HERE / "log_levels.json").read_text("utf-8"))
GROUP = "/aws/vendedlogs/states/m"
GROUP_ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"
ROLE = "arn:aws:iam::123456789012:role/machine"
FAILING = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "Seconds": 2_592_000, "Assign": {"v": 1}, "Next": "Fail"},
        "Fail": {"Type": "Fail", "Error": "Late", "Cause": "It is."},
    },
}


@pytest.fixture
def app() -> Iterator[LocalApp]:
    template: App = load_app(HERE / "app.yaml")
    with LocalApp(template) as app:
        app.client("logs").create_log_group(logGroupName=GROUP)
        yield app


def create(app: LocalApp, level: str, *, data: bool, type: str = "STANDARD", **options: Any) -> str:
    answer = app.client("stepfunctions").create_state_machine(
        name="m",
        type=type,
        roleArn=ROLE,
        definition=json.dumps(options.get("definition", FAILING)),
        loggingConfiguration={
            "level": level,
            "includeExecutionData": data,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP_ARN}}],
        },
    )
    arn: str = answer["stateMachineArn"]
    return arn


def logged(app: LocalApp) -> list[dict[str, Any]]:
    logs = app.client("logs")
    found: list[dict[str, Any]] = []
    for stream in logs.describe_log_streams(logGroupName=GROUP)["logStreams"]:
        events = logs.get_log_events(
            logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
        for event in events:
            message = json.loads(event["message"])
            assert message["event_timestamp"] == str(event["timestamp"])
            found.append({"stream": stream["logStreamName"], **message})
    return found


@pytest.mark.parametrize("listed", ["ALL", "ERROR", "FATAL"])
def test_a_level_has_the_events_that_the_documentation_lists(listed: str) -> None:
    order = ["ALL", "ERROR", "FATAL"]
    for event_type in LEVEL_TABLE[listed]:
        has = [level for level in order if LEVELS[level](event_type)]
        assert has == order[: order.index(listed) + 1]
        assert not LEVELS["OFF"](event_type)


def test_an_event_is_logged_in_the_form_that_aws_gives_it(app: LocalApp) -> None:
    run = app.start(create(app, "ALL", data=True), {"é": 1}, name="x")
    first, second = logged(app)
    assert first == {
        "stream": "states/m/2026-01-01-00/00000000",
        "id": "1",
        "type": "ExecutionStarted",
        "details": {
            "input": json.dumps({"é": 1}, separators=(",", ":"), ensure_ascii=False),
            "inputDetails": {"truncated": False},
            "roleArn": ROLE,
        },
        "previous_event_id": "0",
        "event_timestamp": "1767225600000",
        "execution_arn": run.execution.arn,
        "redrive_count": "0",
    }
    assert second["type"] == "WaitStateEntered"


def test_events_are_logged_once_and_by_and_by_in_the_stream_of_their_hour(app: LocalApp) -> None:
    app.start(create(app, "ALL", data=False), {})
    assert [event["id"] for event in logged(app)] == ["1", "2"]
    app.advance(days=40)
    events = logged(app)
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "WaitStateEntered",
        "WaitStateExited",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    assert events[-1]["stream"] == "states/m/2026-01-31-00/00000000"
    assert logged(app) == events


def test_without_execution_data_events_have_names_and_errors_only(app: LocalApp) -> None:
    app.run(create(app, "ALL", data=False), {"secret": 1})
    assert [event["details"] for event in logged(app)] == [
        {"roleArn": ROLE},
        {"name": "Wait"},
        {"name": "Wait"},
        {"name": "Fail"},
        {"error": "Late", "cause": "It is."},
    ]


@pytest.mark.parametrize(
    ("level", "types"),
    [
        ("ERROR", ["FailStateEntered", "ExecutionFailed"]),
        ("FATAL", ["ExecutionFailed"]),
        ("OFF", []),
    ],
)
def test_the_level_says_which_events_are_logged(
    app: LocalApp, level: str, types: list[str]
) -> None:
    app.run(create(app, level, data=True), {})
    assert [event["type"] for event in logged(app)] == types


def test_express_executions_are_logged_too(app: LocalApp) -> None:
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    arn = create(app, "ALL", data=True, type="EXPRESS", definition=definition)
    started = app.client("stepfunctions").start_sync_execution(stateMachineArn=arn)
    events = logged(app)
    assert [event["type"] for event in events][-1] == "ExecutionSucceeded"
    assert {event["execution_arn"] for event in events} == {started["executionArn"]}


def test_an_asynchronous_express_execution_ends_after_five_minutes(app: LocalApp) -> None:
    app.run(create(app, "ALL", data=True, type="EXPRESS"), {})
    assert app.now.isoformat() == "2026-01-01T00:05:00+00:00"
    assert logged(app)[-1]["type"] == "ExecutionTimedOut"


def test_a_long_payload_is_cut_and_says_so(app: LocalApp) -> None:
    text = '"' * 125_000
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    app.run(create(app, "ALL", data=True, definition=definition), text)
    entered = logged(app)[1]["details"]
    assert entered["inputDetails"] == {"truncated": True}
    assert len(json.dumps(entered["input"])) <= 248 * 1024
    assert json.dumps(text).startswith(entered["input"])


def test_a_deleted_log_group_gets_nothing(app: LocalApp) -> None:
    app.start(create(app, "ALL", data=True), {})
    app.client("logs").delete_log_group(logGroupName=GROUP)
    app.run_until_idle()
    groups = app.client("logs").describe_log_groups()["logGroups"]
    assert GROUP not in [group["logGroupName"] for group in groups]


def test_the_settings_of_the_start_hold_for_the_whole_execution(app: LocalApp) -> None:
    arn = create(app, "FATAL", data=True)
    app.start(arn, {})
    app.client("stepfunctions").update_state_machine(
        stateMachineArn=arn, loggingConfiguration={"level": "OFF", "includeExecutionData": False}
    )
    app.run_until_idle()
    assert [event["type"] for event in logged(app)] == ["ExecutionFailed"]


def test_events_tell_after_which_redrive_they_were(app: LocalApp) -> None:
    machine = create(app, "ALL", data=False)
    run = app.run(machine, {})
    run.redrive().redrive()
    counts = [(event["type"], event["redrive_count"]) for event in logged(app)]
    assert counts[-7:] == [
        ("ExecutionFailed", "0"),
        ("ExecutionRedriven", "1"),
        ("FailStateEntered", "1"),
        ("ExecutionFailed", "1"),
        ("ExecutionRedriven", "2"),
        ("FailStateEntered", "2"),
        ("ExecutionFailed", "2"),
    ]
