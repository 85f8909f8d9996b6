"""Executions over the API, and their histories."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sfnlocal.server.conftest import STATES_ARN, ApiFaultError, Server

PASS: dict[str, Any] = {"Done": {"Type": "Pass", "End": True}}
MONTH: dict[str, Any] = {"Sleep": {"Type": "Wait", "Seconds": 2_592_000, "End": True}}
STUCK: dict[str, Any] = {
    "Ask": {"Type": "Task", "Resource": f"{STATES_ARN}:activity:work", "End": True}
}


@pytest.fixture(scope="module")
def machine(server: Server) -> str:
    return server.create("pass", PASS)


@pytest.fixture(scope="module")
def stuck(server: Server) -> str:
    return server.create("stuck", STUCK)


def test_a_month_of_waiting_passes_at_once(server: Server) -> None:
    execution = server.start(server.create("month", MONTH), input='{"a": 1}')
    server.advance(2_592_000)
    described = server.describe(execution)
    assert described["status"] == "SUCCEEDED"
    assert described["stopDate"] - described["startDate"] == 2_592_000
    assert described["input"] == '{"a": 1}'
    assert json.loads(described["output"]) == {"a": 1}
    hidden = server.call("DescribeExecution", executionArn=execution, includedData="METADATA_ONLY")
    assert "input" not in hidden
    assert hidden["inputDetails"] == {"included": False}


# Recorded on AWS.
REFUSED_INPUTS = [
    (
        "not some json",
        (
            "Unrecognized token 'not': was expecting "
            "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        ),
    ),
    (
        "{'not': 'json'",
        "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
    ),
    ("", "Invalid execution input."),
]


@pytest.mark.parametrize(("text", "why"), REFUSED_INPUTS)
def test_an_input_that_is_no_json_is_refused(
    server: Server, machine: str, text: str, why: str
) -> None:
    with pytest.raises(ApiFaultError) as fault:
        server.start(machine, input=text)
    assert fault.value.code == "InvalidExecutionInput"
    assert fault.value.message == f"Invalid State Machine Execution Input: '{why}'"


@pytest.mark.parametrize("text", ["2", '"some text"', "null", '"\\ud800"', '{"\\u0000": "é"}'])
def test_any_json_is_an_input(server: Server, machine: str, text: str) -> None:
    described = server.describe(server.start(machine, input=text))
    assert described["status"] == "SUCCEEDED"
    assert described["input"] == text
    assert json.loads(described["output"]) == json.loads(text)


def test_a_name_is_taken_once(server: Server, stuck: str) -> None:
    first = server.start(stuck, name="once", input='{"a": 1}')
    assert server.start(stuck, name="once", input='{"a": 1}') == first
    with pytest.raises(ApiFaultError, match="Execution Already Exists") as fault:
        server.start(stuck, name="once", input='{"a": 2}')
    assert fault.value.code == "ExecutionAlreadyExists"
    server.call("StopExecution", executionArn=first, error="Enough", cause="it is late")
    described = server.describe(first)
    assert (described["status"], described["error"]) == ("ABORTED", "Enough")
    assert described["redriveStatus"] == "REDRIVABLE"
    with pytest.raises(ApiFaultError, match="Execution Already Exists"):
        server.start(stuck, name="once", input='{"a": 1}')
    with pytest.raises(ApiFaultError, match="Invalid Name"):
        server.start(stuck, name="a b")


def test_pages_of_executions_neither_repeat_nor_miss_one(server: Server) -> None:
    machine = server.create("paged", PASS)
    started = [server.start(machine) for _ in range(5)]
    first = server.call("ListExecutions", stateMachineArn=machine, maxResults=2)
    # Newest first; what starts between two pages is in neither.
    server.start(machine)
    second = server.call(
        "ListExecutions", stateMachineArn=machine, maxResults=3, nextToken=first["nextToken"]
    )
    listed = [one["executionArn"] for page in (first, second) for one in page["executions"]]
    assert listed == started[::-1]
    assert "nextToken" not in second


def test_executions_are_listed_by_status(server: Server) -> None:
    machine = server.create("by-status", STUCK)
    stopped, running = server.start(machine), server.start(machine)
    server.call("StopExecution", executionArn=stopped)

    def listed(status: str) -> list[str]:
        page = server.call("ListExecutions", stateMachineArn=machine, statusFilter=status)
        return [one["executionArn"] for one in page["executions"]]

    assert listed("RUNNING") == [running]
    assert listed("ABORTED") == [stopped]
    assert listed("SUCCEEDED") == []
    server.call("StopExecution", executionArn=running)


def test_a_history_is_read_in_pages_and_in_both_directions(server: Server, machine: str) -> None:
    execution = server.start(machine, input='{"a": 1}')

    def events(**params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = server.call("GetExecutionHistory", executionArn=execution, **params, **token)
            found += page["events"]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    whole = events()
    assert [event["type"] for event in whole] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert events(maxResults=3) == whole
    assert events(maxResults=1, reverseOrder=True) == whole[::-1]
    assert whole[0]["executionStartedEventDetails"]["input"] == '{"a": 1}'
    bare = events(includeExecutionData=False)
    assert [event["id"] for event in bare] == [1, 2, 3, 4]
    assert '{"a": 1}' not in json.dumps(bare)


@pytest.mark.parametrize(
    "operation",
    [
        "DescribeExecution",
        "GetExecutionHistory",
        "StopExecution",
        "DescribeStateMachineForExecution",
    ],
)
def test_an_execution_that_does_not_exist_is_not_found(server: Server, operation: str) -> None:
    for arn, code in [
        (f"{STATES_ARN}:execution:pass:no", "ExecutionDoesNotExist"),
        (f"{STATES_ARN}:stateMachine:pass", "InvalidArn"),
        (f"{STATES_ARN}:express:pass:no:no", "InvalidArn"),
        ("no", "InvalidArn"),
    ]:
        with pytest.raises(ApiFaultError) as fault:
            server.call(operation, executionArn=arn)
        assert fault.value.code == code


def test_of_many_starts_at_the_same_time_none_is_lost_or_doubled(server: Server) -> None:
    machine = server.create("crowd", MONTH)
    client = server.client()

    def start(number: int) -> list[str]:
        names = [f"e-{number}-{part}" for part in range(4)]
        for name in names:
            client.start_execution(stateMachineArn=machine, name=name, input=f'"{name}"')
        return names

    with ThreadPoolExecutor(64) as threads:
        names = {name for started in threads.map(start, range(64)) for name in started}
    server.advance(2_592_000)
    page = server.call("ListExecutions", stateMachineArn=machine, maxResults=1000)
    assert {one["name"] for one in page["executions"]} == names
    assert len(page["executions"]) == 256
    assert {one["status"] for one in page["executions"]} == {"SUCCEEDED"}


# Express


def test_an_express_execution_is_answered_when_it_has_ended(server: Server) -> None:
    machine = server.create(
        "quick",
        {"Sleep": {"Type": "Wait", "Seconds": 61, "End": True}},
        type="EXPRESS",
    )
    answer = server.call("StartSyncExecution", stateMachineArn=machine, name="a", input="[1]")
    assert answer["executionArn"].startswith(f"{STATES_ARN}:express:quick:a:")
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "[1]")
    assert answer["billingDetails"] == {
        "billedMemoryUsedInMB": 64,
        "billedDurationInMilliseconds": 61_000,
    }
    again = server.call("StartSyncExecution", stateMachineArn=machine, name="a", input="[1]")
    assert again["executionArn"] != answer["executionArn"]


@pytest.mark.parametrize(("took_ms", "billed_ms"), [(0, 100), (100, 100), (101, 200), (950, 1000)])
def test_express_is_billed_by_a_tenth_of_a_second(
    server: Server, took_ms: int, billed_ms: int
) -> None:
    until = f"{{% $fromMillis($toMillis($states.context.Execution.StartTime) + {took_ms}) %}}"
    sleep = {"Type": "Wait", "QueryLanguage": "JSONata", "Timestamp": until, "End": True}
    machine = server.create(f"billed-{took_ms}", {"Sleep": sleep}, type="EXPRESS")
    answer = server.call("StartSyncExecution", stateMachineArn=machine)
    assert answer["billingDetails"]["billedDurationInMilliseconds"] == billed_ms


def test_an_express_execution_is_answered_without_its_data(server: Server) -> None:
    machine = server.create("hidden", PASS, type="EXPRESS")
    answer = server.call(
        "StartSyncExecution", stateMachineArn=machine, input="[1]", includedData="METADATA_ONLY"
    )
    assert answer["status"] == "SUCCEEDED"
    assert "input" not in answer
    assert "output" not in answer
    assert answer["outputDetails"] == {"included": False}


def test_an_express_execution_that_fails_says_why(server: Server) -> None:
    fail = {"Fail": {"Type": "Fail", "Error": "Broken", "Cause": "by design"}}
    machine = server.create("quick-fail", fail, type="EXPRESS")
    answer = server.call("StartSyncExecution", stateMachineArn=machine)
    assert (answer["status"], answer["error"], answer["cause"]) == (
        "FAILED",
        "Broken",
        "by design",
    )
    assert "output" not in answer


def test_an_express_execution_ends_after_five_minutes(server: Server) -> None:
    machine = server.create("too-long", MONTH, type="EXPRESS")
    answer = server.call("StartSyncExecution", stateMachineArn=machine)
    assert answer["status"] == "TIMED_OUT"
    assert answer["stopDate"] - answer["startDate"] == 300


def test_express_and_standard_have_operations_of_their_own(server: Server, machine: str) -> None:
    express = server.create("express", PASS, type="EXPRESS")
    started = server.start(express)
    assert ":express:express:" in started
    for operation, params in [
        ("StartSyncExecution", {"stateMachineArn": machine}),
        ("ListExecutions", {"stateMachineArn": express}),
    ]:
        with pytest.raises(ApiFaultError) as fault:
            server.call(operation, **params)
        assert fault.value.code == "StateMachineTypeNotSupported"
    with pytest.raises(ApiFaultError, match="does not support"):
        server.create("express-callback", STUCK, type="EXPRESS")
