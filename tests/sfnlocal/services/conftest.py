"""Apps as values: resources and functions without a cloud assembly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.ports import InvokeTask, Json, Pattern, TaskResource
from sfnlocal.services.aws import Aws
from sfnlocal.services.dynamodb.resources import create_tables
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.provision import provision
from sfnlocal.services.sqs.resources import create_queues
from sfnlocal.template.resources import App, Function, Resource

REGION, ACCOUNT = "eu-west-1", "210987654321"
NOW_MS = 1_767_225_600_000
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
EXECUTION_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:M:e"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


def resource(type_: str, name: str, arn: str = "", **properties: Any) -> Resource:
    where = f"stack.json#/Resources/{name}"
    return Resource("stack", name, type_, f"stack/{name}", name, arn, properties, where)


def queue(name: str, **properties: Any) -> Resource:
    return resource("AWS::SQS::Queue", QUEUE_URL + name, QUEUE_ARN + name, **properties)


def table(name: str, **properties: Any) -> Resource:
    return resource(
        "AWS::DynamoDB::Table",
        name,
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **properties,
    )


def version(function: str, number: str, **properties: Any) -> Resource:
    arn = f"{FUNCTION_ARN}{function}:{number}"
    return resource("AWS::Lambda::Version", arn, arn, FunctionName=function, **properties)


def alias(function: str, name: str, number: str, **properties: Any) -> Resource:
    arn = f"{FUNCTION_ARN}{function}:{name}"
    return resource("AWS::Lambda::Alias", arn, arn, FunctionVersion=number, **properties)


def make_app(*resources: Resource, functions: tuple[Function, ...] = ()) -> App:
    return App(Path(), "aws", REGION, ACCOUNT, resources, (), functions, {})


def task(service: str, action: str, arguments: Json, **more: Any) -> InvokeTask:
    pattern: Pattern = "WAIT_FOR_TASK_TOKEN" if "Token" in action else "REQUEST_RESPONSE"
    if action.endswith((".sync", ".sync:2")):
        pattern = "RUN_A_JOB"
    arn = f"arn:aws:states:::{service}:{action}" if action else arguments.pop("__arn__")
    resource_ = TaskResource(arn, service, action, pattern)
    return InvokeTask(EXECUTION_ARN, 1, "Call", resource_, arguments, 0, **more)


@dataclass
class Functions:
    """Writes handlers and makes functions of them."""

    folder: Path
    made: list[Function] = field(default_factory=list)

    def add(
        self, name: str, source: str = "", handler: str = "app.handler", **more: Any
    ) -> Function:
        """`source` becomes app.py; `files` are others, by path."""
        folder = self.folder / name
        for path, text in {"app.py": source, **more.pop("files", {})}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        values = {
            "code_folder": folder,
            "environment": {},
            "timeout_seconds": 3,
            "memory_mb": 256,
            **more,
        }
        arn = FUNCTION_ARN + name
        made = Function(
            resource("AWS::Lambda::Function", name, arn), name, arn, handler, "python3.14", **values
        )
        self.made.append(made)
        return made


@pytest.fixture
def functions(tmp_path: Path) -> Functions:
    return Functions(tmp_path)


@pytest.fixture
def host(functions: Functions) -> Iterator[Callable[..., FunctionHost]]:
    """Makes a host of the functions that were added; `resources` are versions and aliases."""
    hosts: list[FunctionHost] = []

    def make(*resources: Resource, **options: Any) -> FunctionHost:
        app = make_app(*resources, functions=tuple(functions.made))
        hosts.append(FunctionHost(app, **options))
        return hosts[-1]

    yield make
    for one in hosts:
        one.close()


@pytest.fixture
def started() -> Iterator[Callable[..., Aws]]:
    """Starts AWS for an app in this process, and creates its resources; the one before is
    stopped."""
    running: list[Aws] = []

    def start(*resources: Resource, functions: FunctionHost | None = None, **options: Any) -> Aws:
        stop()
        app = make_app(*resources)
        aws = Aws(app, functions, now_ms=NOW_MS, **options)
        aws.start()
        running.append(aws)
        aws.take_over()
        create_queues(app, aws)
        create_tables(app, aws)
        provision(app, aws)
        return aws

    def stop() -> None:
        while running:
            running.pop().stop()

    yield start
    stop()
