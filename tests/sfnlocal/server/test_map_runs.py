"""Map Runs over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sfnlocal.server.conftest import STATES_ARN, ApiFaultError, Server


def each(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    states = {"StartAt": next(iter(processor)), "States": processor}
    return {
        "Each": {
            "Type": "Map",
            "Label": "each",
            "ItemProcessor": {"ProcessorConfig": config, **states},
            "End": True,
            **fields,
        }
    }


# Virtual time does not jump over an open activity.
SLEEP: dict[str, Any] = {
    "Ask": {
        "Type": "Task",
        "Resource": f"{STATES_ARN}:activity:work",
        "TimeoutSeconds": 60,
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],
        "Next": "Done",
    },
    "Done": {"Type": "Succeed"},
}


def map_run(server: Server, execution: str) -> dict[str, Any]:
    (listed,) = server.call("ListMapRuns", executionArn=execution)["mapRuns"]
    assert listed["executionArn"] == execution
    return server.call("DescribeMapRun", mapRunArn=listed["mapRunArn"])


def test_a_map_run_is_described_while_it_runs_and_afterwards(server: Server) -> None:
    fields = {"MaxConcurrency": 2, "ToleratedFailureCount": 3, "ToleratedFailurePercentage": 50}
    execution = server.start(server.create("described", each(SLEEP, **fields)), input="[1, 2, 3]")
    server.advance(1)
    run = map_run(server, execution)
    assert run["mapRunArn"].partition(":mapRun:")[2].startswith("described/each:")
    assert (run["status"], run["executionArn"]) == ("RUNNING", execution)
    assert (run["maxConcurrency"], run["toleratedFailureCount"]) == (2, 3)
    assert run["toleratedFailurePercentage"] == 50
    assert run["itemCounts"]["running"] == run["executionCounts"]["running"] == 2
    server.advance(200)
    run = map_run(server, execution)
    assert run["status"] == "SUCCEEDED"
    assert run["stopDate"] - run["startDate"] == 120
    assert run["executionCounts"] == {
        "pending": 0,
        "running": 0,
        "succeeded": 3,
        "failed": 0,
        "timedOut": 0,
        "aborted": 0,
        "total": 3,
        "resultsWritten": 0,
        "failuresNotRedrivable": 0,
        "pendingRedrive": 0,
    }


def test_child_executions_are_listed_by_their_map_run_only(server: Server) -> None:
    machine = server.create("listed", each(SLEEP, ItemBatcher={"MaxItemsPerBatch": 2}))
    execution = server.start(machine, input="[1, 2, 3]")
    server.advance(61)
    run = map_run(server, execution)
    children = server.call("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]
    assert [child["itemCount"] for child in children] == [1, 2]
    assert {child["mapRunArn"] for child in children} == {run["mapRunArn"]}
    assert server.call("ListExecutions", mapRunArn=run["mapRunArn"], statusFilter="FAILED") == {
        "executions": []
    }
    of_machine = server.call("ListExecutions", stateMachineArn=machine)["executions"]
    assert [one["executionArn"] for one in of_machine] == [execution]
    child = server.describe(children[0]["executionArn"])
    assert child["mapRunArn"] == run["mapRunArn"]
    assert child["stateMachineArn"] == f"{machine}/each"
    assert json.loads(child["input"]) == {"Items": [3]}
    of_map = server.call("ListExecutions", stateMachineArn=f"{machine}/each")["executions"]
    assert of_map == children
    described = server.call("DescribeStateMachineForExecution", executionArn=child["executionArn"])
    assert (described["label"], described["mapRunArn"]) == ("each", run["mapRunArn"])
    described = server.call("DescribeStateMachineForExecution", executionArn=execution)
    assert not {"label", "mapRunArn"} & set(described)
    events = server.call("GetExecutionHistory", executionArn=child["executionArn"])["events"]
    assert events[0]["type"] == "ExecutionStarted"
    assert events[-1]["type"] == "ExecutionSucceeded"


def test_more_children_run_after_an_update(server: Server) -> None:
    machine = server.create("updated", each(SLEEP, MaxConcurrency=1))
    execution = server.start(machine, input="[1, 2, 3]")
    server.advance(1)
    arn = map_run(server, execution)["mapRunArn"]
    server.call("UpdateMapRun", mapRunArn=arn, maxConcurrency=3, toleratedFailureCount=1)
    server.advance(1)
    run = map_run(server, execution)
    assert (run["maxConcurrency"], run["toleratedFailureCount"]) == (3, 1)
    assert run["executionCounts"]["running"] == 3
    server.advance(100)
    with pytest.raises(ApiFaultError, match="ValidationException"):
        server.call("UpdateMapRun", mapRunArn=arn, maxConcurrency=4)


def test_children_end_with_the_execution_that_is_stopped(server: Server) -> None:
    execution = server.start(server.create("stopped", each(SLEEP)), input="[1, 2]")
    server.advance(1)
    server.call("StopExecution", executionArn=execution)
    run = map_run(server, execution)
    assert (run["status"], run["executionCounts"]["aborted"]) == ("ABORTED", 2)
    children = server.call("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]
    assert {child["status"] for child in children} == {"ABORTED"}


@pytest.mark.parametrize("operation", ["StartExecution", "DescribeStateMachine"])
def test_a_map_states_arn_is_no_state_machines(operation: str, server: Server) -> None:
    machine = server.create("labelled", each(SLEEP))
    with pytest.raises(ApiFaultError, match="ValidationException"):
        server.call(operation, stateMachineArn=f"{machine}/each")


UNKNOWN = "arn:aws:states:us-east-1:123456789012:mapRun:m/each:00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("operation", ["DescribeMapRun", "UpdateMapRun", "ListExecutions"])
def test_a_map_run_that_is_not_known(operation: str, server: Server) -> None:
    with pytest.raises(ApiFaultError, match="ResourceNotFound"):
        server.call(operation, mapRunArn=UNKNOWN)
    with pytest.raises(ApiFaultError, match="InvalidArn"):
        server.call(operation, mapRunArn=UNKNOWN.replace(":mapRun:", ":execution:"))


def test_map_runs_of_no_execution(server: Server) -> None:
    with pytest.raises(ApiFaultError, match="ExecutionDoesNotExist"):
        server.call("ListMapRuns", executionArn=UNKNOWN.replace("mapRun:m/each", "execution:m"))
