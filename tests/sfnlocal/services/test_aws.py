"""AWS in this process: moto, our own services before it, virtual time, no network."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.functions import FunctionHost

from .conftest import ACCOUNT, NOW_MS, QUEUE_URL, REGION, Functions, make_app, queue, table

Start = Callable[..., Aws]


def test_resources_have_the_apps_account_and_region(started: Start) -> None:
    aws = started(table("orders"))
    arn = aws.client("dynamodb").describe_table(TableName="orders")["Table"]["TableArn"]
    assert arn == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"


def test_clients_are_made_once(started: Start) -> None:
    aws = started()
    assert aws.client("sqs") is aws.client("sqs")


def test_boto3_of_this_process_needs_no_credentials_or_region(
    started: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    started(queue("q"))
    assert boto3.client("sqs").list_queues()["QueueUrls"] == [QUEUE_URL + "q"]


def test_a_stopped_aws_leaves_nothing_behind() -> None:
    environment, session = dict(os.environ), boto3.DEFAULT_SESSION
    with Aws(make_app(), now_ms=NOW_MS) as aws:
        aws.client("sqs").create_queue(QueueName="q")
    aws.stop()
    assert dict(os.environ) == environment
    assert boto3.DEFAULT_SESSION is session
    assert abs(time.time() * 1000 - NOW_MS) > 1000
    with Aws(make_app(), now_ms=NOW_MS) as aws:
        assert "QueueUrls" not in aws.client("sqs").list_queues()


def test_time_stands_still_until_it_is_moved(started: Start) -> None:
    aws = started()
    assert time.time() * 1000 == NOW_MS
    aws.move_to(NOW_MS + 1500)
    assert (time.time() * 1000, aws.now_ms) == (NOW_MS + 1500, NOW_MS + 1500)


def test_delays_and_visibility_follow_virtual_time(started: Start) -> None:
    aws = started(queue("q", VisibilityTimeout=30))
    client, url = aws.client("sqs"), QUEUE_URL + "q"
    client.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=10)
    seen = []
    for seconds in (0, 9, 11, 12, 42):
        aws.move_to(NOW_MS + seconds * 1000)
        seen.append(len(client.receive_message(QueueUrl=url).get("Messages", [])))
    assert seen == [0, 0, 1, 0, 1]


def test_a_long_poll_of_an_empty_queue_returns_at_once(started: Start) -> None:
    aws = started(queue("q", ReceiveMessageWaitTimeSeconds=20))
    client = aws.client("sqs")
    assert "Messages" not in client.receive_message(QueueUrl=QUEUE_URL + "q")
    assert "Messages" not in client.receive_message(QueueUrl=QUEUE_URL + "q", WaitTimeSeconds=20)


@pytest.mark.parametrize("name", ["stepfunctions", "states"])
def test_a_routed_service_is_answered_here_for_every_client(started: Start, name: str) -> None:
    aws = started()
    seen: list[tuple[str, dict[str, Json]]] = []

    def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        seen.append((operation, params))
        return {"executions": [], "nextToken": "t"}

    aws.route(name, answer)
    for client in (aws.client("stepfunctions"), boto3.client("stepfunctions")):
        response = client.list_executions(stateMachineArn="arn:aws:states:::x")
        assert (response["executions"], response["nextToken"]) == ([], "t")
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert seen == [("ListExecutions", {"stateMachineArn": "arn:aws:states:::x"})] * 2


def test_an_api_error_of_a_route_is_the_clients_own_exception(started: Start) -> None:
    aws = started()

    def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        raise ApiError("ExecutionDoesNotExist", "Execution Does Not Exist: 'e'", 404)

    aws.route("states", answer)
    client = aws.client("stepfunctions")
    with pytest.raises(client.exceptions.ExecutionDoesNotExist) as caught:
        client.describe_execution(executionArn="e")
    assert caught.value.response["Error"] == {
        "Code": "ExecutionDoesNotExist",
        "Message": "Execution Does Not Exist: 'e'",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_call_is_checked_by_botocore_before_its_route(started: Start) -> None:
    aws = started()
    aws.route("states", lambda operation, params: {})
    with pytest.raises(Exception, match="Missing required parameter"):
        aws.client("stepfunctions").describe_execution()


def test_observers_see_successful_calls_only(started: Start) -> None:
    aws = started(queue("q"))
    seen: list[tuple[Any, ...]] = []
    aws.observe(lambda *call: seen.append(call))
    client = aws.client("sqs")
    sent = client.send_message(QueueUrl=QUEUE_URL + "q", MessageBody="x")
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.send_message(QueueUrl=QUEUE_URL + "none", MessageBody="x")
    [(service, operation, params, response)] = seen
    assert (service, operation) == ("sqs", "SendMessage")
    assert params == {"QueueUrl": QUEUE_URL + "q", "MessageBody": "x"}
    assert response["MessageId"] == sent["MessageId"]


def test_what_is_prepared_for_a_first_call_is_there_since_the_start_and_not_observed(
    started: Start,
) -> None:
    aws, seen = started(), list[str]()
    client = aws.client("logs")
    aws.before_first_call("logs", lambda: client.create_log_group(logGroupName="kept"))
    aws.observe(lambda service, operation, params, response: seen.append(operation))
    aws.move_to(NOW_MS + 60_000)
    for _ in range(2):
        [group] = client.describe_log_groups()["logGroups"]
    assert group["creationTime"] == NOW_MS
    assert aws.now_ms == NOW_MS + 60_000
    assert seen == ["DescribeLogGroups"] * 2


def test_calls_of_other_threads_are_observed_while_one_prepares(started: Start) -> None:
    aws, seen = started(queue("q")), list[str]()
    sqs, logs = aws.client("sqs"), aws.client("logs")
    aws.route("sqs", lambda operation, params: {})
    aws.observe(lambda service, operation, params, response: seen.append(operation))

    def prepare() -> None:
        logs.create_log_group(logGroupName="kept")
        other = Thread(target=lambda: aws.tell("sqs", "SendMessage", {}, {}))
        other.start()
        other.join()
        sqs.purge_queue(QueueUrl=QUEUE_URL + "q")

    aws.before_first_call("logs", prepare)
    logs.describe_log_groups()
    assert seen == ["SendMessage", "DescribeLogGroups"]


def test_each_call_reaches_moto_once(started: Start) -> None:
    client = started().client("ssm")
    for version in (1, 2):
        put = client.put_parameter(Name="p", Value="x", Type="String", Overwrite=True)
        assert put["Version"] == version


@pytest.mark.parametrize(
    ("service", "operation", "named"),
    [
        ("dynamodb", "list_contributor_insights", "dynamodb:ListContributorInsights"),
        ("chime", "list_accounts", "chime:ListAccounts"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(
    started: Start, service: str, operation: str, named: str
) -> None:
    aws = started()
    with pytest.raises(UnsupportedError, match=f"{named} is not simulated"):
        getattr(aws.client(service), operation)()


def test_a_service_whose_simulation_cannot_be_imported_is_refused_by_name(
    started: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = started()
    monkeypatch.setitem(sys.modules, "moto.glue.models", None)
    with pytest.raises(UnsupportedError, match="glue:GetDatabases is not simulated") as caught:
        aws.client("glue").get_databases()
    assert "moto[glue]" in str(caught.value)


def test_no_other_host_is_called(started: Start) -> None:
    started()
    client = boto3.client("sns", endpoint_url="https://topics.example.com")
    with pytest.raises(UnsupportedError, match=r"topics\.example\.com is not called"):
        client.list_topics()


def test_ids_follow_from_the_seed(started: Start) -> None:
    def ids(seed: int) -> list[str]:
        aws = started(queue("q"), seed=seed)
        sent = aws.client("sqs").send_message(QueueUrl=QUEUE_URL + "q", MessageBody="x")
        received = aws.client("sqs").receive_message(QueueUrl=QUEUE_URL + "q")["Messages"][0]
        aws.stop()
        request_id = sent["ResponseMetadata"]["RequestId"]
        return [sent["MessageId"], received["ReceiptHandle"], request_id]

    assert ids(1) == ids(1) != ids(2)


def test_a_handlers_boto3_is_this_aws_and_its_sleep_is_seen(
    started: Start, functions: Functions, host: Callable[..., FunctionHost]
) -> None:
    functions.add(
        "f",
        "import boto3, time\nclient = boto3.client('sqs')\n"
        "def handler(event, context):\n"
        "    time.sleep(1)\n"
        "    client.send_message(QueueUrl=event, MessageBody='from f')\n"
        "    return time.time()",
    )
    made = host()
    aws = started(queue("q"), functions=made)
    seen: list[int] = []
    aws.observe(lambda *call: seen.append(aws.now_ms))
    answer = made.invoke("f", QUEUE_URL + "q", now_ms=NOW_MS)
    assert answer.payload == (NOW_MS + 1000) / 1000
    assert seen == [NOW_MS + 1000]
    assert aws.now_ms == NOW_MS


@pytest.mark.parametrize(
    ("client", "operation", "params", "code", "message"),
    [
        (
            "sqs",
            "send_message",
            {"QueueUrl": QUEUE_URL + "q", "MessageBody": ""},
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ),
        (
            "secretsmanager",
            "create_secret",
            {"Name": "a b", "SecretString": "x"},
            "ValidationException",
            (
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of "
                "the following: -/_+=.@!"
            ),
        ),
    ],
)
def test_errors_are_worded_as_by_aws(
    started: Start, client: str, operation: str, params: dict[str, str], code: str, message: str
) -> None:
    aws = started(queue("q"))
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(client), operation)(**params)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (code, message)


def test_a_second_one_is_refused_while_the_first_runs(started: Start) -> None:
    started(queue("q"))
    with (
        Aws(make_app(), now_ms=NOW_MS) as second,
        pytest.raises(InputError, match="another session is running"),
    ):
        second.client("sqs")
    assert boto3.client("sqs").list_queues()["QueueUrls"] == [QUEUE_URL + "q"]


def test_the_time_of_this_process_is_its_own_until_somebody_may_look() -> None:
    with Aws(make_app(), now_ms=NOW_MS) as aws:
        assert time.time() * 1000 != NOW_MS
        aws.move_to(NOW_MS + 1000)
        aws.take_over()
        assert time.time() * 1000 == NOW_MS + 1000
