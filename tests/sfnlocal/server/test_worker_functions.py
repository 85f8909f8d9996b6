"""Functions of a server in real time: made over HTTP, in processes of their own that call back."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.sfnlocal.server.conftest import ROLE, Server, start_server, stop_server

_APP = Path(__file__).parent / "app.yaml"
_CALLS = """
import json, os
import boto3

def handler(event, context):
    if event == "pid":
        return os.getpid()
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
    inner = boto3.client("lambda").invoke(FunctionName="calls", Payload=json.dumps("pid"))
    sfn = boto3.client("stepfunctions")
    if "machine" in event:
        return sfn.start_sync_execution(stateMachineArn=event["machine"])["status"]
    machines = sfn.list_state_machines()["stateMachines"]
    return [message["Body"], json.load(inner["Payload"]) != os.getpid(), len(machines)]
"""


def archive(source: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        opened.writestr("app.py", source)
    return data.getvalue()


def express_machine(server: Server) -> str:
    states = {"Wait": {"Type": "Wait", "Seconds": 0, "End": True}}
    made = server.call(
        "CreateStateMachine",
        name="short",
        type="EXPRESS",
        roleArn=ROLE,
        definition=json.dumps({"StartAt": "Wait", "States": states}),
    )
    return str(made["stateMachineArn"])


def created(server: Server, name: str, source: str) -> Any:
    client = server.client("lambda")
    answer = client.create_function(
        FunctionName=name,
        Runtime="python3.14",
        Handler="app.handler",
        Role=ROLE,
        Timeout=30,
        Code={"ZipFile": archive(source)},
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    return client


def test_a_function_calls_services_functions_and_machines_and_ends_with_the_server() -> None:
    server = start_server("--app", str(_APP))
    try:
        client = created(server, "calls", _CALLS)
        answer = client.invoke(FunctionName="calls", Payload=b"{}")
        body, other_process, machines = json.load(answer["Payload"])
        assert (body, other_process, answer["ExecutedVersion"]) == ("hello", True, "$LATEST")
        assert machines == len(server.call("ListStateMachines")["stateMachines"])
        waited = json.dumps({"machine": express_machine(server)})
        answer = client.invoke(FunctionName="calls", Payload=waited)
        assert json.load(answer["Payload"]) == "SUCCEEDED"
        pid = json.load(client.invoke(FunctionName="calls", Payload=b'"pid"')["Payload"])
        os.kill(pid, 0)
    finally:
        assert stop_server(server) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
