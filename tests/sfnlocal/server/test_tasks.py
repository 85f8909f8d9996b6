"""Task tokens, activities, and what virtual time does while they are open."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sfnlocal.server.conftest import (
    STATES_ARN,
    ApiFaultError,
    Server,
    start_server,
    stop_server,
)

WORK = f"{STATES_ARN}:activity:work"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/"
INVALID = "AAAA"


def ask(activity: str, **fields: Any) -> dict[str, Any]:
    return {"Ask": {"Type": "Task", "Resource": activity, "End": True, **fields}}


def new_activity(server: Server, name: str) -> str:
    arn: str = server.call("CreateActivity", name=name)["activityArn"]
    return arn


def token_of(server: Server, activity: str) -> str:
    token: str = server.call("GetActivityTask", activityArn=activity)["taskToken"]
    return token


def test_a_worker_takes_a_task_and_answers_it(server: Server) -> None:
    execution = server.start(server.create("worked", ask(WORK)), input='{"a": 1}')
    task = server.call("GetActivityTask", activityArn=WORK, workerName="w-1")
    assert json.loads(task["input"]) == {"a": 1}
    server.call("SendTaskHeartbeat", taskToken=task["taskToken"])
    server.call("SendTaskSuccess", taskToken=task["taskToken"], output='{"b": 2}')
    server.advance(0)
    assert json.loads(server.describe(execution)["output"]) == {"b": 2}
    events = server.call("GetExecutionHistory", executionArn=execution)["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert events[3]["activityStartedEventDetails"] == {"workerName": "w-1"}
    with pytest.raises(ApiFaultError, match="Provided task does not exist anymore"):
        server.call("SendTaskSuccess", taskToken=task["taskToken"], output="1")


def test_a_worker_that_asks_first_is_given_the_task_when_there_is_one(server: Server) -> None:
    activity = new_activity(server, "early")
    with ThreadPoolExecutor(1) as worker:
        asked = worker.submit(token_of, server, activity)
        execution = server.start(server.create("late", ask(activity)))
        token = asked.result(timeout=10)
    server.call("SendTaskFailure", taskToken=token, error="Broken", cause="by hand")
    server.advance(0)
    described = server.describe(execution)
    assert (described["status"], described["error"], described["cause"]) == (
        "FAILED",
        "Broken",
        "by hand",
    )


def test_a_task_is_given_to_one_worker_only(server: Server) -> None:
    activity = new_activity(server, "shared")
    machine = server.create("shared", ask(activity))
    executions = [server.start(machine) for _ in range(8)]
    with ThreadPoolExecutor(8) as workers:
        tokens = list(workers.map(lambda _: token_of(server, activity), range(8)))
    assert len(set(tokens)) == 8
    for token in tokens:
        server.call("SendTaskSuccess", taskToken=token, output="1")
    server.advance(0)
    assert {server.describe(one)["status"] for one in executions} == {"SUCCEEDED"}


def test_activities_are_created_once_described_listed_and_deleted(server: Server) -> None:
    first = server.call("CreateActivity", name="kept", tags=[{"key": "a", "value": "1"}])
    assert server.call("CreateActivity", name="kept") == first
    arn = first["activityArn"]
    assert server.call("ListTagsForResource", resourceArn=arn)["tags"] == [
        {"key": "a", "value": "1"}
    ]
    described = server.call("DescribeActivity", activityArn=arn)
    assert described["name"] == "kept"
    listed = [one["activityArn"] for one in server.call("ListActivities")["activities"]]
    assert {arn, WORK} <= set(listed)
    server.call("DeleteActivity", activityArn=arn)
    assert server.call("DeleteActivity", activityArn=arn) == {}
    with pytest.raises(ApiFaultError, match="Activity Does Not Exist"):
        server.call("DescribeActivity", activityArn=arn)
    with pytest.raises(ApiFaultError, match="Invalid Name"):
        server.call("CreateActivity", name="a b")


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("SendTaskSuccess", {"output": "1"}, "InvalidToken"),
        ("SendTaskSuccess", {"output": "not json"}, "InvalidOutput"),
        ("SendTaskFailure", {}, "InvalidToken"),
        ("SendTaskHeartbeat", {}, "InvalidToken"),
    ],
)
def test_a_token_that_was_never_given_is_invalid(
    server: Server, operation: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(ApiFaultError) as fault:
        server.call(operation, taskToken=INVALID, **params)
    assert fault.value.code == code


# Time


def test_time_stands_still_while_a_task_is_open(server: Server) -> None:
    activity = new_activity(server, "slow")
    machine = server.create("slow", ask(activity, TimeoutSeconds=60))
    execution = server.start(machine)
    server.advance(59)
    assert server.describe(execution)["status"] == "RUNNING"
    token_of(server, activity)
    server.advance(0.5)
    assert server.describe(execution)["status"] == "RUNNING"
    server.advance(0.5)
    assert server.describe(execution)["status"] == "FAILED"
    assert server.describe(execution)["error"] == "States.Timeout"


def test_time_goes_on_once_the_last_open_task_is_gone(server: Server) -> None:
    activity = new_activity(server, "blocking")
    blocking = server.start(server.create("blocking", ask(activity)))
    sleeping = server.start(
        server.create("sleeping", {"Sleep": {"Type": "Wait", "Seconds": 3600, "End": True}})
    )
    server.advance(0)
    assert server.describe(sleeping)["status"] == "RUNNING"
    server.call("StopExecution", executionArn=blocking)
    sync = server.create(
        "after", {"Sleep": {"Type": "Wait", "Seconds": 100, "End": True}}, type="EXPRESS"
    )
    server.call("StartSyncExecution", stateMachineArn=sync)
    server.advance(3600)
    assert server.describe(sleeping)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"{}",
        b'{"seconds": -1}',
        b'{"seconds": "1"}',
        b'{"seconds": 1e300}',
        b'{"seconds": NaN}',
        b'{"to": 0}',
        b'{"to": "2026"}',
    ],
)
def test_time_moves_by_a_number_and_never_back(server: Server, body: bytes) -> None:
    answered = server.request("POST", "/_sfnlocal/clock", body)
    assert (answered.status, answered.code) == (400, "ValidationException")


def test_time_jumps_over_open_tasks_where_it_is_told_to() -> None:
    server = start_server("--virtual-time", "--auto-jump", "--seed", "3")
    try:
        activity = new_activity(server, "nobody")
        machine = server.create("alone", ask(activity, TimeoutSeconds=3600), type="STANDARD")
        parent = server.create(
            "waits-for-it",
            {
                "Start": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::states:startExecution.sync:2",
                    "Parameters": {"StateMachineArn": machine},
                    "End": True,
                }
            },
        )
        execution = server.start(parent)
        server.advance(3600)
        assert server.describe(execution)["status"] == "FAILED"
    finally:
        assert stop_server(server) == 0
