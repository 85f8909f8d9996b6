"""Gates: who calls what, refused before it happens, or lost after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, LostAnswerError
from sfnlocal.ports import Caller, ServiceCall
from sfnlocal.template import load_app

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
HANDLER = """
import boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=event["url"], MessageBody="from a handler")
    return boto3.client("dynamodb").list_tables()["TableNames"]
"""
ROLE = "arn:aws:iam::123456789012:role/"


def task(resource: str, arguments: dict[str, Any], next_state: str | None) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "Parameters": arguments}
    return {**state, **({"Next": next_state} if next_state else {"End": True})}


class Recorded:
    """A gate that notes every call, and does what it is told at one operation."""

    def __init__(self, operation: str = "", error: Exception | None = None) -> None:
        self.calls: list[ServiceCall] = []
        self._operation = operation
        self._error = error

    def before(self, call: ServiceCall) -> None:
        self.calls.append(call)
        self._perhaps(call, ApiError)

    def after(self, call: ServiceCall) -> None:
        self._perhaps(call, LostAnswerError)

    def _perhaps(self, call: ServiceCall, kind: type[Exception]) -> None:
        if isinstance(self._error, kind) and call.operation == self._operation:
            raise self._error


@pytest.fixture
def session(tmp_path: Path) -> Session:
    states = {
        "Send": task(
            "arn:aws:states:::sqs:sendMessage", {"QueueUrl": URL, "MessageBody": "a"}, "Call"
        ),
        "Call": task(
            "arn:aws:states:::lambda:invoke",
            {"FunctionName": "f", "Payload": {"url": URL}},
            "Start",
        ),
        "Start": task(
            "arn:aws:states:::states:startExecution",
            {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Child"},
            None,
        ),
    }
    child = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    template = {
        "Resources": {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}},
            "F": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "f",
                    "Handler": "index.handler",
                    "Runtime": "python3.14",
                    "Code": {"ZipFile": HANDLER},
                    "Role": ROLE + "function",
                },
            },
            "M": machine("M", {"StartAt": "Send", "States": states}),
            "C": machine("Child", child),
        }
    }
    path = tmp_path / "app.template.json"
    path.write_text(json.dumps(template))
    return Session(load_app(path))


def machine(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "StateMachineName": name,
        "RoleArn": ROLE + "machine",
        "Definition": definition,
    }
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


def bodies(session: Session) -> list[str]:
    params = {"QueueUrl": URL, "MaxNumberOfMessages": 10}
    answer = session.aws.call("sqs", "ReceiveMessage", params)
    return [message["Body"] for message in answer.get("Messages", [])]


def test_a_gate_sees_every_call_with_its_caller(session: Session) -> None:
    gate = Recorded()
    with session:
        session.aws.add_gate(gate)
        execution = session.run(session.start_execution("M", {}))
    assert execution.status == "SUCCEEDED", execution.cause
    machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:M"
    by_machine = Caller("states.amazonaws.com", machine_arn, ROLE + "machine")
    function_arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    by_function = Caller("lambda.amazonaws.com", function_arn, ROLE + "function")
    assert [(call.service, call.operation, call.caller) for call in gate.calls] == [
        ("sqs", "SendMessage", by_machine),
        ("lambda", "Invoke", by_machine),
        ("sqs", "SendMessage", by_function),
        ("dynamodb", "ListTables", by_function),
        ("stepfunctions", "StartExecution", by_machine),
    ]
    assert gate.calls[0].params["MessageBody"] == "a"


def test_a_call_that_is_refused_does_nothing(session: Session) -> None:
    gate = Recorded("SendMessage", ApiError("AccessDenied", "no", 403))
    with session:
        session.aws.add_gate(gate)
        execution = session.run(session.start_execution("M", {}))
        assert (execution.status, execution.error) == ("FAILED", "SQS.AmazonSQSException")
        gate._operation = ""
        assert bodies(session) == []


def test_a_call_whose_answer_is_lost_has_done_its_work(session: Session) -> None:
    gate = Recorded("SendMessage", LostAnswerError("read timeout"))
    with session:
        session.aws.add_gate(gate)
        answer = session.functions.invoke("f", {"url": URL}, now_ms=session.now_ms)
        assert answer.payload["errorType"] == "ReadTimeoutError"
        with pytest.raises(ApiError, match="read timeout"):
            session.aws.call("sqs", "SendMessage", {"QueueUrl": URL, "MessageBody": "b"})
        assert bodies(session) == ["from a handler", "b"]


def test_a_trigger_says_who_it_is(session: Session) -> None:
    gate = Recorded()
    caller = Caller("scheduler.amazonaws.com", "arn:schedule", ROLE + "schedule")
    call: Callable[..., object] = session.aws.call
    with session:
        session.aws.add_gate(gate)
        call("sqs", "SendMessage", {"QueueUrl": URL, "MessageBody": "b"}, caller)
        call("dynamodb", "ListTables", {}, caller)
        call("sqs", "ListQueues", {})
    assert [one.caller for one in gate.calls] == [caller, caller, None]
