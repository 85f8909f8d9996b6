"""Redrives over the API.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.sfnlocal.server.conftest import STATES_ARN, ApiFaultError, Server
from tests.sfnlocal.server.test_map_runs import each, map_run

FAILS: dict[str, Any] = {"No": {"Type": "Fail", "Error": "No"}}
ASK: dict[str, Any] = {
    "Ask": {"Type": "Task", "Resource": f"{STATES_ARN}:activity:work", "End": True}
}
TIMES_OUT: dict[str, Any] = {"Ask": {**ASK["Ask"], "TimeoutSeconds": 10}}


@pytest.fixture(scope="module")
def failing(server: Server) -> str:
    return server.create("redrive-fails", FAILS)


@pytest.fixture(scope="module")
def asking(server: Server) -> str:
    return server.create("redrive-asks", ASK)


def redrive(server: Server, execution: str, **params: Any) -> float:
    answer: float = server.call("RedriveExecution", executionArn=execution, **params)["redriveDate"]
    return answer


def refusal(server: Server, execution: str) -> str:
    with pytest.raises(ApiFaultError) as fault:
        redrive(server, execution)
    assert (fault.value.status, fault.value.code) == (400, "ExecutionNotRedrivable")
    described = server.describe(execution)
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    assert described["redriveStatusReason"] == fault.value.message
    return fault.value.message


def test_a_redriven_execution_is_described_with_its_redrives(server: Server, asking: str) -> None:
    execution = server.start(asking)
    assert server.describe(execution)["redriveStatus"] == "NOT_REDRIVABLE"
    server.call("StopExecution", executionArn=execution)
    described = server.describe(execution)
    assert (described["redriveStatus"], described["redriveCount"]) == ("REDRIVABLE", 0)
    assert "redriveDate" not in described
    redriven = redrive(server, execution)
    described = server.describe(execution)
    assert (described["status"], described["redriveCount"]) == ("RUNNING", 1)
    assert described["redriveDate"] == redriven
    assert "stopDate" not in described
    assert refusal(server, execution) == "Execution is RUNNING and cannot be redriven"
    events = server.call("GetExecutionHistory", executionArn=execution)["events"]
    assert [event["type"] for event in events][2:] == [
        "ActivityScheduled",
        "ExecutionAborted",
        "ExecutionRedriven",
        "ActivityScheduled",
    ]
    assert events[4]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    server.call("StopExecution", executionArn=execution)


def test_executions_are_listed_by_whether_they_were_redriven(server: Server) -> None:
    machine = server.create("redrive-listed", FAILS)
    first, second = server.start(machine), server.start(machine)
    redrive(server, first)

    def listed(**params: Any) -> list[str]:
        found = server.call("ListExecutions", stateMachineArn=machine, **params)["executions"]
        return [one["executionArn"] for one in found]

    assert listed(redriveFilter="REDRIVEN") == [first]
    assert listed(redriveFilter="NOT_REDRIVEN") == [second]
    assert sorted(listed()) == sorted([first, second])
    (one,) = server.call("ListExecutions", stateMachineArn=machine, redriveFilter="REDRIVEN")[
        "executions"
    ]
    assert (one["redriveCount"], one["redriveDate"]) == (1, one["stopDate"])


def test_a_token_redrives_once_for_15_minutes(server: Server, failing: str) -> None:
    execution = server.start(failing)
    first = redrive(server, execution, clientToken="a" * 32)
    server.advance(900)
    assert redrive(server, execution, clientToken="a" * 32) == first
    assert server.describe(execution)["redriveCount"] == 1
    assert redrive(server, execution, clientToken="b" * 32) == first + 900
    server.advance(1)
    assert redrive(server, execution, clientToken="a" * 32) == first + 901
    assert server.describe(execution)["redriveCount"] == 3


def test_the_last_ten_tokens_are_known(server: Server, failing: str) -> None:
    execution = server.start(failing)
    tokens = [letter * 32 for letter in "abcdefghijk"]
    for token in tokens:
        redrive(server, execution, clientToken=token)
    redrive(server, execution, clientToken=tokens[1])
    assert server.describe(execution)["redriveCount"] == 11
    redrive(server, execution, clientToken=tokens[0])
    assert server.describe(execution)["redriveCount"] == 12


def test_what_succeeded_is_not_redriven(server: Server) -> None:
    execution = server.start(server.create("redrive-ends", {"End": {"Type": "Succeed"}}))
    assert refusal(server, execution) == "Execution is SUCCEEDED and cannot be redriven"


def test_after_14_days_nothing_is_redriven(server: Server, failing: str) -> None:
    execution = server.start(failing)
    server.advance(14 * 24 * 3600 + 1)
    assert refusal(server, execution) == "Execution redrivable period exceeded"


def test_of_a_deleted_state_machine_nothing_is_redriven(server: Server) -> None:
    machine = server.create("redrive-deleted", FAILS)
    execution = server.start(machine)
    server.call("DeleteStateMachine", stateMachineArn=machine)
    assert refusal(server, execution) == "State machine is in DELETING status"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("nonsense", "InvalidArn"),
        (f"{STATES_ARN}:execution:nobody:nothing", "ExecutionDoesNotExist"),
        (f"{STATES_ARN}:express:machine:name:unique", "InvalidArn"),
    ],
)
def test_an_execution_that_does_not_exist_is_not_redriven(
    server: Server, arn: str, code: str
) -> None:
    with pytest.raises(ApiFaultError) as fault:
        redrive(server, arn)
    assert fault.value.code == code


def test_a_map_run_is_described_and_its_children_are_listed(server: Server) -> None:
    machine = server.create(
        "redrive-map", each(TIMES_OUT, MaxConcurrency=1, ToleratedFailureCount=1)
    )
    execution = server.start(machine, input="[1, 2, 3]")
    server.advance(60)
    assert server.describe(execution)["error"] == "States.ExceedToleratedFailureThreshold"
    before = map_run(server, execution)
    assert (before["redriveCount"], "redriveDate" in before) == (0, False)
    redriven = redrive(server, execution)
    run = map_run(server, execution)
    assert (run["status"], run["redriveCount"], run["redriveDate"]) == ("RUNNING", 1, redriven)
    executions = run["executionCounts"]
    assert (executions["running"], executions["pendingRedrive"], executions["total"]) == (1, 1, 2)
    assert (executions["failed"], executions["failuresNotRedrivable"]) == (0, 0)
    assert run["itemCounts"]["pendingRedrive"] == 1

    def children(**params: Any) -> list[dict[str, Any]]:
        arn = run["mapRunArn"]
        found: list[dict[str, Any]] = server.call("ListExecutions", mapRunArn=arn, **params)[
            "executions"
        ]
        return found

    (waiting,) = children(statusFilter="PENDING_REDRIVE")
    assert children(redriveFilter="REDRIVEN") != []
    described = server.describe(waiting["executionArn"])
    assert described["redriveStatusReason"] == "Execution is PENDING_REDRIVE and cannot be redriven"
    server.advance(60)
    assert server.describe(execution)["redriveStatus"] == "REDRIVABLE"
    for child in children():
        described = server.describe(child["executionArn"])
        assert described["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
        assert "redriveStatusReason" not in described
