"""Small apps with roles, for tests: resources as CloudFormation has them, and a session."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from sfnlocal.template import load_app
from sfnlocal.testing import LocalApp

Json: TypeAlias = Any
Open: TypeAlias = Callable[..., LocalApp]

ACCOUNT = "123456789012"
QUEUE_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
QUEUE_URL = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"
MACHINE_ARN = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:M"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def allow(action: Json, resource: Json = "*", **more: Json) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Json, resource: Json = "*", **more: Json) -> Json:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def document(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(principal: Json, **condition: Json) -> Json:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return document({**statement, **({"Condition": condition} if condition else {})})


def role(name: str, service: str, *statements: Json, **properties: Json) -> Json:
    """A role that `service.amazonaws.com` assumes, with these statements inline."""
    policies = [{"PolicyName": "own", "PolicyDocument": document(*statements)}]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": trust({"Service": f"{service}.amazonaws.com"}),
            **({"Policies": policies} if statements else {}),
            **properties,
        },
    }


def queue(name: str = "q", **properties: Json) -> Json:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, **properties}}


def queue_policy(*statements: Json) -> Json:
    properties = {"Queues": [QUEUE_URL], "PolicyDocument": document(*statements)}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}


def machine(states: Json, role_name: str = "machine", name: str = "M", **properties: Json) -> Json:
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "StateMachineName": name,
            "RoleArn": role_arn(role_name),
            "Definition": {"StartAt": next(iter(states)), "States": states},
            **properties,
        },
    }


def task(resource: str, **parameters: Json) -> Json:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": parameters,
        "End": True,
    }


SEND = task("sqs:sendMessage", QueueUrl=QUEUE_URL, MessageBody="a")


def function(code: str, role_name: str = "function", name: str = "f", **properties: Json) -> Json:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Handler": "index.handler",
            "Runtime": "python3.14",
            "Code": {"ZipFile": code},
            "Role": role_arn(role_name),
            **properties,
        },
    }


def opened(folder: Path, resources: Json, **options: Any) -> LocalApp:
    """To be used in a `with`."""
    path = folder / "app.template.json"
    path.write_text(json.dumps({"Resources": resources}))
    return LocalApp(load_app(path), **options)
