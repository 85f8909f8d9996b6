"""TestState: one state by itself, with and without a mock of its work.

Statuses, names and messages are as recorded on AWS, where `source` does not say otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sfnlocal.server.conftest import ROLE, STATES_ARN, Server

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "test_state.json").read_text("utf-8")
)
# Parts of a request and an answer that are JSON in JSON.
_TEXTS = ("definition", "input", "variables", "context")


@pytest.fixture(scope="module")
def client(server: Server) -> Any:
    return server.client()


def request(given: dict[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {
        name: json.dumps(value) if name in _TEXTS else value for name, value in given.items()
    }
    for outer, inner in (("mock", "result"), ("stateConfiguration", "mapItemReaderData")):
        if inner in params.get(outer, {}):
            params[outer] = {**params[outer], inner: json.dumps(params[outer][inner])}
    return params


def parsed(answer: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    if "output" in shown:
        shown["output"] = json.loads(shown["output"])
    if "inspectionData" in shown:
        shown["inspectionData"] = {
            name: json.loads(value) if isinstance(value, str) else value
            for name, value in shown["inspectionData"].items()
        }
    return shown


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_state_gives_what_it_gives_on_aws(client: Any, case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(ClientError) as refused:
            client.test_state(**request(case["request"]))
        error = refused.value.response["Error"]
        assert [error["Code"], error["Message"]] == case["error"]
    else:
        assert parsed(client.test_state(**request(case["request"]))) == case["answer"]


def task(resource: str, **fields: Any) -> str:
    return json.dumps({"Type": "Task", "Resource": resource, "End": True, **fields})


def test_without_a_mock_the_service_is_called(client: Any) -> None:
    definition = task(
        "arn:aws:states:::lambda:invoke",
        Parameters={"FunctionName": "double", "Payload": {"number.$": "$.n"}},
        OutputPath="$.Payload.number",
    )
    answer = client.test_state(definition=definition, roleArn=ROLE, input='{"n": 21}')
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "42")


def test_an_error_of_the_service_is_the_states(client: Any) -> None:
    definition = task(
        "arn:aws:lambda:us-east-1:123456789012:function:double",
        Retry=[{"ErrorEquals": ["KeyError"], "IntervalSeconds": 4}],
    )
    params = {"definition": definition, "roleArn": ROLE, "inspectionLevel": "DEBUG"}
    answer = client.test_state(**params)
    assert (answer["status"], answer["error"]) == ("RETRIABLE", "KeyError")
    assert answer["inspectionData"]["errorDetails"] == {
        "retryIndex": 0,
        "retryBackoffIntervalSeconds": 4,
    }
    assert "result" not in answer["inspectionData"]


def test_a_function_that_asks_the_server_is_answered_meanwhile(server: Server, client: Any) -> None:
    machine = server.create("by-a-function", {"Done": {"Type": "Pass", "End": True}})
    definition = task("arn:aws:lambda:us-east-1:123456789012:function:double")
    text = json.dumps({"number": 1, "start": machine})
    answer = client.test_state(definition=definition, roleArn=ROLE, input=text)
    started = json.loads(answer["output"])
    assert server.describe(started)["stateMachineArn"] == machine


def test_a_task_starts_an_execution_that_stays(server: Server, client: Any) -> None:
    machine = server.create("started", {"Done": {"Type": "Pass", "End": True}})
    definition = task(
        "arn:aws:states:::states:startExecution", Parameters={"StateMachineArn": machine}
    )
    answer = client.test_state(definition=definition, roleArn=ROLE)
    started = json.loads(answer["output"])["ExecutionArn"]
    assert server.describe(started)["status"] == "SUCCEEDED"


def test_the_tested_state_is_no_execution_and_takes_no_time(server: Server, client: Any) -> None:
    before = server.request("GET", "/_sfnlocal/clock").json
    definition = json.dumps({"Type": "Wait", "Seconds": 200, "Next": "Later"})
    answer = client.test_state(definition=definition)
    assert (answer["status"], answer["nextState"]) == ("SUCCEEDED", "Later")
    assert server.request("GET", "/_sfnlocal/clock").json == before


def test_the_context_object_names_the_state_and_a_state_machine(client: Any) -> None:
    definition = {"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True}
    answer = client.test_state(definition=json.dumps(definition), input='{"a": 1}')
    context = json.loads(answer["output"])["c"]
    assert set(context["Execution"]) == {"Id", "Input", "Name", "RoleArn", "StartTime"}
    assert context["Execution"]["Id"].startswith(f"{STATES_ARN}:express:")
    assert context["Execution"]["Input"] == {"a": 1}
    assert context["State"]["Name"] == "StateName"
    assert context["StateMachine"]["Id"].startswith(f"{STATES_ARN}:stateMachine:")


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask", "End": True},
        {
            "Type": "Map",
            "ItemBatcher": {"MaxItemsPerBatch": 2},
            "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}},
            "End": True,
        },
    ],
)
def test_what_is_not_simulated_is_refused_by_name(client: Any, state: dict[str, Any]) -> None:
    params: dict[str, Any] = {"definition": json.dumps(state), "roleArn": ROLE}
    if state["Type"] == "Map":
        params["mock"] = {"result": "[]"}
    with pytest.raises(ClientError) as refused:
        client.test_state(**params)
    assert refused.value.response["Error"]["Code"] == "NotSupportedBySfnlocal"
