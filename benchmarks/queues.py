"""10,000 messages on their way: a queue, a mapping's function that forwards them, a second queue,
a pipe, and an Express workflow that takes each batch; alone, and before a backlog of 100,000."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import Row
from sfnlocal.driver.session import Session
from sfnlocal.server import StepFunctionsApi
from sfnlocal.template.resources import App, Function, Resource, StateMachine

_MESSAGES = 10_000
_BACKLOG = 100_000
_BATCH = 10
_PLACE = "us-east-1:123456789012"
_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/"
_FORWARD = """
import os
import boto3

sqs = boto3.client("sqs")

def handler(event, context):
    entries = [{"Id": r["messageId"], "MessageBody": r["body"]} for r in event["Records"]]
    sqs.send_message_batch(QueueUrl=os.environ["OUT"], Entries=entries)
"""


def rows() -> list[Row]:
    # The first run loads boto3.
    alone_ms = min(_message_ms(_MESSAGES) for _ in range(3))
    behind_ms = min(_message_ms(_BACKLOG) for _ in range(2))
    return [
        Row(
            "a message through mapping, pipe and Express workflow",
            alone_ms,
            2.0,
            "ms",
            f"{1000 / alone_ms:.0f} a second",
        ),
        Row(
            f"the same before a backlog of {_BACKLOG:,}",
            behind_ms / alone_ms,
            1.2,
            "x",
            f"{1000 / behind_ms:.0f} a second",
        ),
    ]


def _message_ms(sent: int) -> float:
    """Of the first 10,000 of `sent` messages."""
    with tempfile.TemporaryDirectory() as folder:
        app = _app(Path(folder))
        with Session(app, keep_ended=0) as session:
            StepFunctionsApi(session).install()
            taken = _count_taken(session)
            _send(session, sent)
            # What lies there is nothing that the garbage collector has to look at.
            gc.collect()
            gc.freeze()
            begin = time.process_time()
            while taken[0] < _MESSAGES and session.turn():
                pass
            seconds = time.process_time() - begin
            gc.unfreeze()
    assert taken[0] >= _MESSAGES, taken
    return seconds * 1000 / _MESSAGES


def _count_taken(session: Session) -> list[int]:
    """The messages whose workflow has succeeded."""
    taken = [0]

    def called(service: str, operation: str, params: Any, response: Any) -> None:
        if operation == "StartSyncExecution":
            assert response["status"] == "SUCCEEDED", response
            taken[0] += response["output"].count("messageId")

    session.aws.observe(called)
    return taken


def _send(session: Session, count: int) -> None:
    for first in range(0, count, _BATCH):
        entries = [
            {"Id": str(number), "MessageBody": f'{{"number":{number}}}'}
            for number in range(first, first + _BATCH)
        ]
        session.aws.call("sqs", "SendMessageBatch", {"QueueUrl": _URL + "in", "Entries": entries})


def _app(folder: Path) -> App:
    (folder / "app.py").write_text(_FORWARD)
    function_arn = f"arn:aws:lambda:{_PLACE}:function:forward"
    machine_arn = f"arn:aws:states:{_PLACE}:stateMachine:take"
    function = _resource("AWS::Lambda::Function", "forward", function_arn)
    machine = _resource("AWS::StepFunctions::StateMachine", machine_arn, machine_arn)
    definition = {"StartAt": "Take", "States": {"Take": {"Type": "Pass", "End": True}}}
    role_arn = "arn:aws:iam::123456789012:role/r"
    resources = (
        function,
        machine,
        _queue("in"),
        _queue("out"),
        _resource(
            "AWS::Lambda::EventSourceMapping",
            "mapping",
            EventSourceArn=f"arn:aws:sqs:{_PLACE}:in",
            FunctionName="forward",
        ),
        _resource(
            "AWS::Pipes::Pipe",
            "pipe",
            f"arn:aws:pipes:{_PLACE}:pipe/pipe",
            Source=f"arn:aws:sqs:{_PLACE}:out",
            Target=machine_arn,
            RoleArn=role_arn,
            TargetParameters={
                "InputTemplate": '{"messageId": <$.messageId>, "number": <$.body.number>}'
            },
        ),
    )
    environment = {"OUT": _URL + "out"}
    code = Function(
        function, "forward", function_arn, "app.handler", "python3.14", folder, environment, 3, 128
    )
    express = StateMachine(machine, "take", machine_arn, "EXPRESS", role_arn, definition)
    return App(folder, "aws", "us-east-1", "123456789012", resources, (express,), (code,), {})


def _queue(name: str) -> Resource:
    arn = f"arn:aws:sqs:{_PLACE}:{name}"
    return _resource("AWS::SQS::Queue", _URL + name, arn, QueueName=name)


def _resource(type_: str, name: str, arn: str = "", **properties: Any) -> Resource:
    return Resource("stack", name, type_, f"stack/{name}", name, arn, properties, f"stack#/{name}")
