"""What a Task state gets from its service; most cases are data in tasks.json."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.tasks import ServiceTasks
from sfnlocal.triggers.topics import Topics

from .conftest import (
    ACCOUNT,
    FUNCTION_ARN,
    NOW_MS,
    QUEUE_URL,
    REGION,
    Functions,
    alias,
    make_app,
    queue,
    resource,
    table,
    task,
    version,
)

Start = Callable[..., Aws]
Host = Callable[..., FunctionHost]
CASES = json.loads(Path(__file__).with_name("tasks.json").read_text())
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
ECHO = "def handler(event, context):\n    return event"


def like(expected: Json, actual: Json) -> bool:
    """Equal, where `*` in a text stands for any text."""
    if isinstance(expected, str) and "*" in expected:
        pattern = re.escape(expected).replace(r"\*", ".+")
        return isinstance(actual, str) and re.fullmatch(pattern, actual) is not None
    if isinstance(expected, dict) and isinstance(actual, dict):
        same = expected.keys() == actual.keys()
        return same and all(like(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        same = len(expected) == len(actual)
        return same and all(map(like, expected, actual))
    return bool(expected == actual)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_service_answers_as_recorded(
    started: Start, functions: Functions, host: Host, case: dict[str, Any]
) -> None:
    functions.add("echo", ECHO)
    made = host()
    aws = started(
        queue("q"),
        table("orders"),
        resource("AWS::SNS::Topic", TOPIC, TOPIC),
        resource("AWS::SNS::Topic", TOPIC + ".fifo", TOPIC + ".fifo", FifoTopic=True),
        resource("AWS::S3::Bucket", "letters"),
        functions=made,
    )
    Topics(aws).load()
    item = {"id": {"S": "seed"}, "ok": {"BOOL": True}}
    aws.client("dynamodb").put_item(TableName="orders", Item=item)
    aws.client("s3").put_object(Bucket="letters", Key="binary", Body=b"binary data")
    text = json.dumps(case["arguments"])
    text = text.replace("{queue}", QUEUE_URL + "q").replace("{topic}", TOPIC)
    call = task(case["service"], case["action"], json.loads(text))
    answer = ServiceTasks(aws, made).invoke(call, NOW_MS)
    assert answer.error == case.get("error"), answer.cause
    if "cause" in case:
        assert like(case["cause"], answer.cause), answer.cause
    if "output" in case:
        output = answer.output
        if not case["service"].startswith("aws-sdk:"):
            http, response = output.pop("SdkHttpMetadata"), output.pop("SdkResponseMetadata")
            assert http["HttpStatusCode"] == 200
            assert http["HttpHeaders"]["x-amzn-RequestId"] == response["RequestId"]
            lengths = {http["HttpHeaders"]["Content-Length"], case.get("content_length")}
            assert len(lengths - {None}) == 1
        assert like(case["output"], output), output


def test_lambda_invoke_answers_with_its_metadata(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("echo", ECHO)
    made = host(version("echo", "7"), alias("echo", "live", "7"))
    tasks = ServiceTasks(started(functions=made), made)
    call = task("lambda", "invoke", {"FunctionName": "echo", "Payload": 0, "Qualifier": "live"})
    output = tasks.invoke(call, NOW_MS).output
    request_id = output["SdkResponseMetadata"]["RequestId"]
    headers = {
        "X-Amz-Executed-Version": "7",
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": request_id,
        "Content-Length": "1",
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "X-Amzn-Trace-Id": "*",
        "Content-Type": "application/json",
    }
    expected = {
        "ExecutedVersion": "7",
        "Payload": 0,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
        "StatusCode": 200,
    }
    assert like(expected, output), output


@pytest.mark.parametrize("payload", [0, 0.5, "text", True, None, [], {"a": []}])
def test_a_functions_own_arn_answers_with_its_payload(
    started: Start, functions: Functions, host: Host, payload: Json
) -> None:
    functions.add("echo", ECHO)
    made = host()
    call = task("lambda", "", {"__arn__": FUNCTION_ARN + "echo"})
    call = type(call)(
        call.execution_arn, call.task_id, call.state, call.resource, payload, call.attempt
    )
    answer = ServiceTasks(started(functions=made), made).invoke(call, NOW_MS)
    assert (answer.output, answer.error) == (payload, None)


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("", {"__arn__": FUNCTION_ARN + "f"}),
        ("invoke", {"FunctionName": "f"}),
        ("invoke.waitForTaskToken", {"FunctionName": FUNCTION_ARN + "f"}),
    ],
)
def test_a_function_error_is_the_tasks_error(
    started: Start, functions: Functions, host: Host, action: str, arguments: dict[str, Json]
) -> None:
    functions.add(
        "f",
        "import time\nclass OutOfStock(Exception): ...\n"
        "def handler(event, context):\n    time.sleep(1)\n    raise OutOfStock('mug')",
    )
    made = host()
    answer = ServiceTasks(started(functions=made), made).invoke(
        task("lambda", action, dict(arguments)), NOW_MS
    )
    assert (answer.error, answer.elapsed_ms) == ("OutOfStock", 1000)
    assert answer.cause is not None
    cause = json.loads(answer.cause)
    assert list(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (cause["errorMessage"], cause["errorType"]) == ("mug", "OutOfStock")


def test_a_functions_time_out_is_sandbox_timedout(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "import time\ndef handler(event, context):\n    time.sleep(4)")
    made = host()
    call = task("lambda", "invoke", {"FunctionName": "f"})
    answer = ServiceTasks(started(functions=made), made).invoke(call, NOW_MS)
    assert (answer.error, answer.elapsed_ms) == ("Sandbox.Timedout", 3000)
    assert "Task timed out after 3.00 seconds" in str(answer.cause)


def test_an_event_is_accepted_and_runs_later(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("echo", ECHO)
    made = host()
    called: list[Json] = []
    made.observe(lambda name, answer: called.append(answer.payload))
    agenda: list[Callable[[], None]] = []
    aws = started(functions=made, schedule=lambda at_ms, act, *_, **__: agenda.append(act))
    tasks = ServiceTasks(aws, made)
    arguments = {"FunctionName": "echo", "Payload": {"a": 1}, "InvocationType": "Event"}
    output = tasks.invoke(task("lambda", "invoke", arguments), NOW_MS).output
    assert (output["StatusCode"], output["SdkHttpMetadata"]["HttpStatusCode"]) == (202, 202)
    assert called == []
    agenda[0]()
    assert called == [{"a": 1}]


def test_a_dry_run_is_accepted(started: Start, functions: Functions, host: Host) -> None:
    functions.add("echo", ECHO)
    made = host()
    arguments = {"FunctionName": "echo", "InvocationType": "DryRun"}
    answer = ServiceTasks(started(functions=made), made).invoke(
        task("lambda", "invoke", arguments), NOW_MS
    )
    assert answer.output["StatusCode"] == 204


def test_a_routed_service_answers_sdk_tasks(
    started: Start, functions: Functions, host: Host
) -> None:
    made = host()
    aws = started(functions=made)
    seen: list[dict[str, Json]] = []

    def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        seen.append(params)
        return {"executionArn": "arn", "status": "RUNNING", "input": '{"a":1}'}

    aws.route("states", answer)
    call = task("aws-sdk:sfn", "describeExecution", {"ExecutionArn": "arn"})
    output = ServiceTasks(aws, made).invoke(call, NOW_MS).output
    assert output == {"ExecutionArn": "arn", "Input": '{"a":1}', "Status": "RUNNING"}
    assert seen == [{"executionArn": "arn"}]


@pytest.mark.parametrize(
    ("service", "action", "named"),
    [
        ("ecs", "runTask", "ecs:runTask is not simulated"),
        ("dynamodb", "query", "dynamodb:query is not simulated"),
        ("aws-sdk:glue", "startJobRun.sync", r"startJobRun\.sync is not simulated"),
        ("aws-sdk:nothing", "do", "aws-sdk:nothing is no service"),
        ("aws-sdk:sqs", "do", "aws-sdk:sqs:do is no action"),
        ("aws-sdk:dynamodb", "listContributorInsights", "ListContributorInsights is not simul"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(
    started: Start, functions: Functions, host: Host, service: str, action: str, named: str
) -> None:
    made = host()
    tasks = ServiceTasks(started(functions=made), made)
    with pytest.raises(UnsupportedError, match=named):
        tasks.invoke(task(service, action, {}), NOW_MS)


def test_credentials_of_another_account_are_refused(
    started: Start, functions: Functions, host: Host
) -> None:
    made = host()
    tasks = ServiceTasks(started(queue("q"), functions=made), made)
    arguments = {"QueueUrl": QUEUE_URL + "q", "MessageBody": "x"}
    own = task("sqs", "sendMessage", arguments, role_arn=f"arn:aws:iam::{ACCOUNT}:role/r")
    assert tasks.invoke(own, NOW_MS).error is None
    foreign = task("sqs", "sendMessage", arguments, role_arn="arn:aws:iam::111111111111:role/r")
    with pytest.raises(UnsupportedError, match="another account"):
        tasks.invoke(foreign, NOW_MS)


def test_mistakes_are_told_without_a_client_or_a_simulation(host: Host) -> None:
    made = host()
    not_started = Aws(make_app(), made, now_ms=NOW_MS)
    tasks = ServiceTasks(not_started, made)

    def mistakes(service: str, action: str, arguments: Json) -> list[str]:
        return tasks.mistakes(task(service, action, arguments).resource, arguments)

    assert mistakes("sns", "publish", {}) == ["The field 'Message' is required but was missing"]
    assert mistakes("aws-sdk:sfn", "stopExecution", {"ExecutionArn": "a"}) == []
    assert mistakes("lambda", "", {"__arn__": FUNCTION_ARN + "f"}) == []
    start = {"StateMachineArn": "a", "Input": {"x": 1}}
    assert mistakes("states", "startExecution.sync:2", start) == []
    assert mistakes("states", "startExecution", {**start, "Inptu": 1}) == [
        'The field "Inptu" is not supported by Step Functions'
    ]
    assert mistakes("ecs", "runTask", {}) == []


def test_the_same_seed_gives_the_same_answers(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("echo", ECHO)

    def answers() -> str:
        made = host()
        aws = started(queue("q"), functions=made)
        tasks = ServiceTasks(aws, made)
        calls = [
            task("sqs", "sendMessage", {"QueueUrl": QUEUE_URL + "q", "MessageBody": "x"}),
            task("lambda", "invoke", {"FunctionName": "echo"}),
            task("lambda", "invoke", {"FunctionName": "none"}),
            task("dynamodb", "getItem", {"TableName": "none", "Key": {}}),
        ]
        text = json.dumps([repr(tasks.invoke(call, NOW_MS)) for call in calls])
        aws.stop()
        return text

    assert answers() == answers()
