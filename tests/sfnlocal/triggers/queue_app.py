"""An app of values for tests of what reads queues: queues, functions that do what their messages
say, and whatever else a test adds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Function, Resource, StateMachine

REGION, ACCOUNT = "eu-west-1", "210987654321"
START_MS = 1_767_225_600_000
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"

# A message's body is a text, or {"id": ..., "do": [...]} with what to do at each receive, the last
# for all others: "ok", "fail" (report it), "raise", a number of seconds to sleep, or any other JSON
# as the answer.
OBEDIENT = """
import json, time

def handler(event, context):
    records = event["Records"] if isinstance(event, dict) else event
    orders = [order(record) for record in records]
    print(json.dumps([name for name, _ in orders]))
    for _, do in orders:
        if isinstance(do, (int, float)):
            time.sleep(do)
    if any(do == "raise" for _, do in orders):
        raise ValueError("told to")
    answers = [do["answer"] for _, do in orders if isinstance(do, dict)]
    if answers:
        return answers[0]
    failed = [r["messageId"] for r, (_, do) in zip(records, orders) if do == "fail"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}

def order(record):
    try:
        body = json.loads(record["body"])
        name, do = body["id"], body.get("do", ["ok"])
    except (ValueError, KeyError, TypeError):
        return record["body"], "ok"
    received = int(record["attributes"]["ApproximateReceiveCount"])
    return name, do[min(received, len(do)) - 1]
"""


def resource(type_: str, name: str, arn: str = "", **properties: Any) -> Resource:
    where = f"stack.json#/Resources/{name}"
    return Resource("stack", name, type_, f"stack/{name}", name, arn, properties, where)


def queue(name: str, **properties: Any) -> Resource:
    more = {"QueueName": name, "FifoQueue": True} if name.endswith(".fifo") else {"QueueName": name}
    return resource("AWS::SQS::Queue", QUEUE_URL + name, QUEUE_ARN + name, **more, **properties)


def mapping(queue_name: str = "q", function: str = "f", **properties: Any) -> Resource:
    given = {"EventSourceArn": QUEUE_ARN + queue_name, "FunctionName": function, **properties}
    return resource("AWS::Lambda::EventSourceMapping", f"{queue_name}-{function}", **given)


def function(folder: Path, name: str = "f", source: str = OBEDIENT, **more: Any) -> Function:
    code_folder = folder / name
    code_folder.mkdir(parents=True, exist_ok=True)
    (code_folder / "app.py").write_text(source)
    arn = FUNCTION_ARN + name
    made = resource("AWS::Lambda::Function", name, arn)
    values = {"environment": {}, "timeout_seconds": 3, "memory_mb": 256, **more}
    return Function(made, name, arn, "app.handler", "python3.14", code_folder, **values)


def machine(name: str, type_: str = "STANDARD", **state: Any) -> StateMachine:
    """Of one state, Pass unless it is told otherwise."""
    only = {"Type": "Pass", **state}
    if only["Type"] not in ("Fail", "Succeed"):
        only["End"] = True
    definition = {"StartAt": "Only", "States": {"Only": only}}
    arn = MACHINE_ARN + name
    made = resource("AWS::StepFunctions::StateMachine", name, arn, StateMachineType=type_)
    return StateMachine(made, name, arn, type_, "arn:aws:iam::1:role/r", definition)


def make_app(
    *resources: Resource,
    functions: Iterable[Function] = (),
    machines: Iterable[StateMachine] = (),
) -> App:
    machines, functions = tuple(machines), tuple(functions)
    known = (*resources, *(one.resource for one in machines))
    return App(Path(), "aws", REGION, ACCOUNT, known, machines, functions, {})


def body_text(body: Json) -> str:
    return body if isinstance(body, str) else json.dumps(body)


def send(session: Session, queue_name: str, *bodies: Json, **more: Any) -> None:
    for body in bodies:
        params = {"QueueUrl": QUEUE_URL + queue_name, "MessageBody": body_text(body), **more}
        session.aws.call("sqs", "SendMessage", params)


def left(session: Session, queue_name: str) -> list[str]:
    """The bodies of the messages that can be received now; of orders, their ids."""
    return sorted(named(one.body) for one in session.aws.queues.peek(QUEUE_ARN + queue_name))


def named(text: str) -> str:
    try:
        return str(json.loads(text)["id"])
    except (ValueError, KeyError, TypeError):
        return text


def seconds(session: Session) -> float:
    return (session.now_ms - START_MS) / 1000


class Batches:
    """What an obedient function got: when, and which messages."""

    def __init__(self, session: Session) -> None:
        self.got: list[tuple[float, list[str]]] = []
        self._session = session
        session.functions.observe(self._called)

    def _called(self, name: str, answer: Any) -> None:
        self.got.append((seconds(self._session), json.loads(answer.log.splitlines()[0])))
