"""The actions of AWS services that a route of an HTTP API can call, as a table.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sfnlocal.ports import Json


@dataclass(frozen=True, slots=True)
class Action:
    """`members` are the integration's parameters by name, with the API's name of each; `required`
    those that must be mapped. `readers` make something else of a parameter's text."""

    service: str
    operation: str
    members: Mapping[str, str]
    required: tuple[str, ...]
    readers: Mapping[str, Callable[[str], Json]]
    # The parameter that names what is called.
    target: str

    def params(self, values: Mapping[str, str]) -> dict[str, Json]:
        """Raises ValueError where a text cannot be read."""
        return {
            self.members[name]: self.readers.get(name, str)(text)
            for name, text in values.items()
            if self.members[name]
        }


def _action(
    service: str,
    operation: str,
    required: str,
    optional: str,
    target: str,
    readers: Mapping[str, Callable[[str], Json]] | None = None,
    *,
    lower: bool = False,
) -> Action:
    names = (*required.split(), *optional.split())
    members = {name: name[0].lower() + name[1:] if lower else name for name in names}
    # API Gateway calls the region, and does not hand it on.
    members["Region"] = ""
    return Action(service, operation, members, tuple(required.split()), readers or {}, target)


def _seconds(text: str) -> float:
    """Of `2026-01-01T00:00:00Z`."""
    return datetime.fromisoformat(text).timestamp()


_SEND_READERS: Mapping[str, Callable[[str], Json]] = {
    "DelaySeconds": int,
    "MessageAttributes": json.loads,
    "MessageSystemAttributes": json.loads,
}
_RECEIVE_READERS: Mapping[str, Callable[[str], Json]] = {
    "AttributeNames": json.loads,
    "MaxNumberOfMessages": int,
    "MessageAttributeNames": json.loads,
    "VisibilityTimeout": int,
    "WaitTimeSeconds": int,
}

ACTIONS: Mapping[str, Action] = {
    "EventBridge-PutEvents": _action(
        "events",
        "PutEvents",
        "Detail DetailType Source",
        "Time EventBusName Resources TraceHeader",
        "EventBusName",
        {"Resources": json.loads, "Time": _seconds},
    ),
    "SQS-SendMessage": _action(
        "sqs",
        "SendMessage",
        "QueueUrl MessageBody",
        "DelaySeconds MessageAttributes MessageDeduplicationId MessageGroupId"
        " MessageSystemAttributes",
        "QueueUrl",
        _SEND_READERS,
    ),
    "SQS-ReceiveMessage": _action(
        "sqs",
        "ReceiveMessage",
        "QueueUrl",
        "AttributeNames MaxNumberOfMessages MessageAttributeNames ReceiveRequestAttemptId"
        " VisibilityTimeout WaitTimeSeconds",
        "QueueUrl",
        _RECEIVE_READERS,
    ),
    "SQS-DeleteMessage": _action("sqs", "DeleteMessage", "ReceiptHandle QueueUrl", "", "QueueUrl"),
    "SQS-PurgeQueue": _action("sqs", "PurgeQueue", "QueueUrl", "", "QueueUrl"),
    "StepFunctions-StartExecution": _action(
        "stepfunctions",
        "StartExecution",
        "StateMachineArn",
        "Name Input",
        "StateMachineArn",
        lower=True,
    ),
    "StepFunctions-StartSyncExecution": _action(
        "stepfunctions",
        "StartSyncExecution",
        "StateMachineArn",
        "Name Input TraceHeader",
        "StateMachineArn",
        lower=True,
    ),
    "StepFunctions-StopExecution": _action(
        "stepfunctions", "StopExecution", "ExecutionArn", "Cause Error", "ExecutionArn", lower=True
    ),
}

REFUSED_ACTIONS: Mapping[str, str] = {
    "AppConfig-GetConfiguration": "AppConfig is not simulated",
    "Kinesis-PutRecord": "Kinesis is not simulated",
}
