"""One endpoint for all services: what a program needs is AWS_ENDPOINT_URL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import pytest

from tests.sfnlocal.server.conftest import STATES_ARN, Server

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/orders"
PROGRAM = """
import boto3, json
states, table = boto3.client("stepfunctions"), boto3.resource("dynamodb").Table("items")
table.put_item(Item={"id": "program"})
[machine] = [
    one for one in states.list_state_machines()["stateMachines"] if one["name"] == "doubled"
]
arn = states.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"number": 4}')
print(json.dumps([table.get_item(Key={"id": "program"})["Item"], arn["executionArn"]]))
"""


def test_a_program_needs_nothing_but_the_endpoint(server: Server) -> None:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    item, execution = json.loads(done.stdout)
    assert item == {"id": "program"}
    server.advance(0)
    assert json.loads(server.describe(execution)["output"]) == {"number": 8}


def test_a_message_sent_from_outside_reaches_the_function_that_listens(server: Server) -> None:
    server.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="from outside")
    server.advance(0)
    table = server.client("dynamodb")
    found = table.get_item(TableName="items", Key={"id": {"S": "from outside"}})
    assert found["Item"] == {"id": {"S": "from outside"}}
    assert "ConsumedCapacity" not in found


def test_a_table_answers_and_refuses_over_http_as_in_process(server: Server) -> None:
    table = server.client("dynamodb")
    item = {"id": {"S": "a"}, "bytes": {"B": b"\x00"}, "set": {"BS": [b"\x01"]}}
    table.put_item(TableName="items", Item=item)
    absent = "attribute_not_exists(id)"
    with pytest.raises(table.exceptions.ConditionalCheckFailedException) as failed:
        table.put_item(
            TableName="items",
            Item=item,
            ConditionExpression=absent,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"] == item
    check = {"TableName": "items", "Key": {"id": {"S": "a"}}, "ConditionExpression": absent}
    with pytest.raises(table.exceptions.TransactionCanceledException) as cancelled:
        table.transact_write_items(TransactItems=[{"ConditionCheck": check}])
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["ConditionalCheckFailed"]


def test_a_long_poll_is_answered_when_a_message_is_sent(server: Server) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="polled")["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    with ThreadPoolExecutor(1) as poller:
        polled = poller.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        [message] = polled.result(timeout=10)["Messages"]
    assert message["Body"] == "hello"
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)


def test_an_object_is_stored_read_and_described(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="things")
    body = bytes(range(256)) * 1000
    s3.put_object(Bucket="things", Key="a/b c", Body=body, Metadata={"owner": "me"})
    assert s3.get_object(Bucket="things", Key="a/b c")["Body"].read() == body
    head = s3.head_object(Bucket="things", Key="a/b c")
    assert (head["ContentLength"], head["Metadata"]) == (len(body), {"owner": "me"})
    with pytest.raises(botocore.exceptions.ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="things", Key="none")


def test_a_query_service_answers(server: Server) -> None:
    sns = server.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    assert {"TopicArn": topic} in sns.list_topics()["Topics"]


def test_a_function_is_invoked(server: Server) -> None:
    client = server.client("lambda")
    answer = client.invoke(FunctionName="double", Payload=b'{"number": 2}', LogType="Tail")
    assert json.loads(answer["Payload"].read()) == {"number": 4}
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    failed = client.invoke(FunctionName="double", Payload=b"{}")
    assert failed["FunctionError"] == "Unhandled"
    assert json.loads(failed["Payload"].read())["errorType"] == "KeyError"
    with pytest.raises(botocore.exceptions.ClientError, match="Function not found"):
        client.invoke(FunctionName="none")


def test_a_function_may_start_an_execution(server: Server) -> None:
    event = {"number": 1, "start": f"{STATES_ARN}:stateMachine:doubled"}
    answer = server.client("lambda").invoke(FunctionName="double", Payload=json.dumps(event))
    started = json.loads(answer["Payload"].read())
    server.advance(0)
    assert server.describe(started)["error"] == "KeyError"


def test_a_synchronous_execution_is_started_by_a_state(server: Server) -> None:
    wait = {"Sleep": {"Type": "Wait", "Seconds": 10, "End": True}}
    child = server.create("sync-child", wait, type="EXPRESS")
    parent = server.create(
        "sync-parent",
        {
            "Start": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
                "Parameters": {"StateMachineArn": child, "Input": "[1]"},
                "OutputPath": "$.Output",
                "End": True,
            }
        },
    )
    execution = server.start(parent)
    server.advance(10)
    described = server.describe(execution)
    assert described["status"] == "SUCCEEDED", described
    assert json.loads(described["output"]) == "[1]"


def test_a_service_that_is_not_simulated_is_refused_by_name(server: Server) -> None:
    signed = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/nothing/aws4_request, S=1"
    answered = server.request("POST", "/", b"", {"Authorization": signed})
    assert answered.status == 501
    assert b"the service nothing is not simulated" in answered.body
