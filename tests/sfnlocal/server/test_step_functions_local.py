"""In the place of AWS's Step Functions Local: services at endpoints, test cases, account, region.

What is elsewhere here is a second server; Express state machines, so that nobody has to wait.
"""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sfnlocal.server.conftest import ROLE, STATES_ARN, Server, start_server, stop_server

FOLDER = Path(__file__).parent
CONFIG = FOLDER.parent / "driver" / "MockConfigFile.json"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:double"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Server]:
    started = start_server("--app", str(FOLDER / "app.yaml"))
    try:
        yield started
    finally:
        stop_server(started)


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address at which nothing answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="module")
def here(
    elsewhere: Server, nobody: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    empty = tmp_path_factory.mktemp("app") / "template.json"
    empty.write_text('{"Resources": {}}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMODB_ENDPOINT", elsewhere.url)
        patch.setenv("SQS_ENDPOINT", nobody)
        patch.setenv("SNS_ENDPOINT", nobody)
        patch.setenv("WAIT_TIME_SCALE", "0")
        started = start_server(
            *("--app", str(empty), "--lambda-endpoint", elsewhere.url),
            *("-sqsEndpoint", elsewhere.url, "--ecs-endpoint", elsewhere.url),
            *("--step-functions-endpoint", elsewhere.url, "--mock-config", str(CONFIG)),
        )
    try:
        yield started
    finally:
        stop_server(started)


def task(resource: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if not resource.startswith("arn:"):
        resource = f"arn:aws:states:::{resource}"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}


def run(server: Server, name: str, state: dict[str, Any]) -> dict[str, Any]:
    """The execution of a machine with this state, when it has ended. Jobs need a Standard one."""
    client = server.client()
    is_job = ".sync" in state.get("Resource", "")
    machine = client.create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "Call", "States": {"Call": state}}),
        roleArn=ROLE,
        type="STANDARD" if is_job else "EXPRESS",
    )["stateMachineArn"]
    answer: dict[str, Any]
    if not is_job:
        answer = client.start_sync_execution(stateMachineArn=machine, input="{}")
        return answer
    arn = client.start_execution(stateMachineArn=machine)["executionArn"]
    while (answer := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        pass
    return answer


def output(answer: dict[str, Any]) -> Any:
    assert answer["status"] == "SUCCEEDED", answer
    return json.loads(answer["output"])


ORDERS = "https://sqs.us-east-1.amazonaws.com/123456789012/orders"


@pytest.mark.parametrize(
    ("resource", "parameters", "part"),
    [
        (FUNCTION_ARN, {"number": 21}, {"number": 42}),
        (
            "lambda:invoke",
            {"FunctionName": "double", "Payload": {"number": 21}},
            {"Payload": {"number": 42}, "StatusCode": 200, "ExecutedVersion": "$LATEST"},
        ),
        (
            "lambda:invoke",
            {"FunctionName": FUNCTION_ARN, "Payload": {"number": 21}},
            {"Payload": {"number": 42}},
        ),
        (
            "lambda:invoke",
            {"FunctionName": "double", "InvocationType": "Event", "Payload": {"number": 1}},
            {"StatusCode": 202, "Payload": ""},
        ),
        (
            "lambda:invoke",
            {"FunctionName": "double", "InvocationType": "DryRun"},
            {"StatusCode": 204},
        ),
        (
            "aws-sdk:lambda:invoke",
            {"FunctionName": "double", "Payload": {"number": 21}},
            {"Payload": '{"number": 42}'},
        ),
        ("aws-sdk:ecs:listClusters", {}, {"ClusterArns": []}),
        (
            "sqs:sendMessage",
            {"QueueUrl": ORDERS, "MessageBody": "o-1"},
            {"MD5OfMessageBody": md5(b"o-1").hexdigest()},
        ),
    ],
)
def test_a_service_with_an_endpoint_is_called_there(
    here: Server,
    request: pytest.FixtureRequest,
    resource: str,
    parameters: dict[str, Any],
    part: dict[str, Any],
) -> None:
    name = f"call-{zlib.crc32(request.node.name.encode())}"
    found = output(run(here, name, task(resource, parameters)))
    assert {key: found[key] for key in part} == part


def test_what_is_written_there_is_there_and_not_here(here: Server, elsewhere: Server) -> None:
    item = {"id": {"S": "i-1"}}
    put = run(here, "put", task("dynamodb:putItem", {"TableName": "items", "Item": item}))
    assert output(put)["SdkHttpMetadata"]["HttpStatusCode"] == 200
    read = run(here, "read", task("aws-sdk:dynamodb:getItem", {"TableName": "items", "Key": item}))
    assert output(read) == {"Item": {"id": {"S": "i-1"}}}
    there = elsewhere.client("dynamodb").get_item(TableName="items", Key=item)
    assert there["Item"] == item
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        here.client("dynamodb").get_item(TableName="items", Key=item)


def test_an_execution_can_be_started_there(here: Server, elsewhere: Server) -> None:
    machine = f"{STATES_ARN}:stateMachine:doubled"
    parameters = {"StateMachineArn": machine, "Input": {"number": 4}, "Name": "from-here"}
    started = output(run(here, "start", task("states:startExecution", parameters)))
    assert started["ExecutionArn"] == f"{STATES_ARN}:execution:doubled:from-here"
    described = elsewhere.describe(started["ExecutionArn"])
    assert started["StartDate"] == round(described["startDate"] * 1000)


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "cause"),
    [
        (
            "lambda:invoke",
            {"FunctionName": "double", "Payload": {}},
            "KeyError",
            '"errorMessage": "\'number\'"',
        ),
        (
            "lambda:invoke",
            {"FunctionName": "none"},
            "Lambda.ResourceNotFoundException",
            "Status Code: 404; Error Code: ResourceNotFoundException",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": ORDERS + "-none", "MessageBody": "o-1"},
            "SQS.QueueDoesNotExistException",
            "Service: AmazonSQS",
        ),
        (
            "sns:publish",
            {"TopicArn": "arn:aws:sns:us-east-1:123456789012:news", "Message": "hello"},
            "SNS.SdkClientException",
            "Could not connect to the endpoint URL",
        ),
        (
            "aws-sdk:sns:listTopics",
            {},
            "Sns.SdkClientException",
            "Could not connect to the endpoint URL",
        ),
        (
            "states:startExecution.sync:2",
            {"StateMachineArn": f"{STATES_ARN}:stateMachine:doubled"},
            "States.Runtime",
            "states:startExecution.sync:2 is not simulated",
        ),
        (
            "glue:startJobRun.sync",
            {"JobName": "job"},
            "States.Runtime",
            "glue:startJobRun.sync is not run by sfnlocal",
        ),
        (
            "batch:submitJob",
            {"JobName": "job"},
            "States.Runtime",
            "batch:submitJob is not simulated\n  hint: mock the state",
        ),
    ],
)
def test_a_call_that_fails_is_told_as_on_aws_and_what_is_not_run_by_name(
    here: Server,
    request: pytest.FixtureRequest,
    resource: str,
    parameters: dict[str, Any],
    error: str,
    cause: str,
) -> None:
    name = f"fail-{zlib.crc32(request.node.name.encode())}"
    answer = run(here, name, task(resource, parameters))
    assert answer["status"] == "FAILED"
    assert answer["error"] == error
    assert cause in answer["cause"]


def test_a_wait_of_a_year_is_scaled_to_nothing(here: Server) -> None:
    answer = run(here, "sleep", {"Type": "Wait", "Seconds": 31_536_000, "End": True})
    assert output(answer) == {}


# Test cases


def courier(server: Server) -> str:
    """The state machine of the mock configuration's test cases: its first state."""
    definition = {
        "StartAt": "Weigh",
        "States": {"Weigh": task("lambda:invoke", {"FunctionName": "none"})},
    }
    arn: str = server.client().create_state_machine(
        name="courier", definition=json.dumps(definition), roleArn=ROLE, type="EXPRESS"
    )["stateMachineArn"]
    return arn


def test_an_execution_is_started_in_a_test_case(here: Server) -> None:
    client, arn = here.client(), courier(here)
    answer = client.start_sync_execution(stateMachineArn=f"{arn}#NothingButTheScales")
    assert output(answer)["Payload"]["grams"] == 900
    assert answer["stateMachineArn"] == arn


@pytest.mark.parametrize(
    ("test_case", "message"),
    [
        ("#Nope", r"#/StateMachines/courier/TestCases: no test case 'Nope'"),
        ("#", r"#/StateMachines/courier/TestCases: no test case ''"),
        ("#AllAtHome", r"TestCases/AllAtHome/Announce: the state machine has no Task state"),
    ],
)
def test_a_test_case_that_cannot_be_used_is_refused(
    here: Server, test_case: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        here.client().start_sync_execution(stateMachineArn=courier(here) + test_case)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_without_a_mock_configuration_it_is_said_how_to_give_one(server: Server) -> None:
    arn = server.create("unmocked", {"Done": {"Type": "Succeed"}})
    with pytest.raises(ClientError, match="give the file: --mock-config, or SFN_MOCK_CONFIG"):
        server.client().start_execution(stateMachineArn=f"{arn}#AnyCase")


def test_the_server_stands_in_the_account_and_the_region_that_are_given() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCOUNT_ID", "111122223333")
        patch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
        started = start_server("--app", str(FOLDER / "app.yaml"), "-region", "eu-west-1")
    try:
        arns = [
            one["stateMachineArn"] for one in started.call("ListStateMachines")["stateMachines"]
        ]
    finally:
        stop_server(started)
    assert "arn:aws:states:eu-west-1:111122223333:stateMachine:doubled" in arns
