"""The optimized integrations: what each service's is called, and how its answers look.

They call through the AWS SDK for Java 1.x: other error names and cause texts than the AWS SDK
integrations, and results that carry SdkHttpMetadata and SdkResponseMetadata.
https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from sfnlocal.arns import state_machine_arn
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json

# The error code of a caller without permission, which no model lists.
ACCESS_DENIED = "AccessDeniedException"


@dataclass(frozen=True, slots=True)
class Headers:
    """The HTTP headers that Step Functions shows of a service's responses, as names with the
    values that are always the same; None: made for each response."""

    names: tuple[tuple[str, str | None], ...]

    def metadata(
        self, body: bytes, request_id: str, now_ms: int, more: Mapping[str, str] | None = None
    ) -> Json:
        """`more` are values for this response, by lower-case name."""
        made = {
            "content-length": str(len(body)),
            "date": format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC), usegmt=True),
            "x-amz-crc32": str(zlib.crc32(body)),
            "x-amzn-requestid": request_id,
            **(more or {}),
        }
        values = {
            name: made[name.lower()] if value is None else value for name, value in self.names
        }
        return {
            "AllHttpHeaders": {name: [value] for name, value in values.items()},
            "HttpHeaders": dict(sorted(values.items(), key=lambda item: item[0].lower())),
            "HttpStatusCode": 200,
        }


_KEEP_ALIVE = ("connection", "keep-alive")
_JSON = Headers(
    (
        ("x-amzn-RequestId", None),
        _KEEP_ALIVE,
        ("Content-Length", None),
        ("Date", None),
        ("Content-Type", "application/x-amz-json-1.0"),
    )
)
_EVENTS = Headers((*_JSON.names[:-1], ("Content-Type", "application/x-amz-json-1.1")))
_DYNAMODB = Headers(
    (
        ("Server", "Server"),
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", None),
        ("x-amz-crc32", None),
        ("Content-Length", None),
        ("Date", None),
        ("Content-Type", "application/x-amz-json-1.0"),
    )
)
_SNS = Headers(
    (
        ("x-amzn-RequestId", None),
        _KEEP_ALIVE,
        ("Content-Length", None),
        ("Date", None),
        ("Content-Type", "text/xml"),
    )
)
_LAMBDA = Headers(
    (
        ("X-Amz-Executed-Version", None),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", None),
        ("Content-Length", None),
        ("Date", None),
        ("X-Amzn-Trace-Id", None),
        ("Content-Type", "application/json"),
    )
)


@dataclass(frozen=True, slots=True)
class Optimized:
    """`prefix` begins the error names; `service` and `base_exception` are what the SDK calls the
    service in causes, and errors that its model does not know. `fields` are the arguments that
    Step Functions takes (None: all of the operation's). `completed` is what it makes of them, for
    the execution with this ARN."""

    client: str
    actions: Mapping[str, str]
    prefix: str
    service: str
    base_exception: str
    headers: Headers
    fields: frozenset[str] | None = None
    body: Callable[[Json], bytes] = lambda result: json_text(result).encode()
    completed: Callable[[dict[str, Json], str], dict[str, Json]] = lambda params, arn: params


def _with_origin(params: dict[str, Json], execution_arn: str) -> dict[str, Json]:
    """Each event names the execution and the state machine that it is from.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html"""
    origin = [execution_arn, state_machine_arn(execution_arn)]
    entries = [
        {**entry, "Resources": [*entry.get("Resources", []), *origin]}
        for entry in params.get("Entries", [])
    ]
    return {**params, "Entries": entries} if entries else params


def _sns_body(result: Json) -> bytes:
    """As long as the XML that SNS answers to Publish."""
    return (
        '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">\n  <PublishResult>\n'
        f"    <MessageId>{result['MessageId']}</MessageId>\n  </PublishResult>\n"
        f"  <ResponseMetadata>\n    <RequestId>{'0' * 36}</RequestId>\n  </ResponseMetadata>\n"
        "</PublishResponse>\n"
    ).encode()


OPTIMIZED: Mapping[str, Optimized] = {
    "dynamodb": Optimized(
        "dynamodb",
        {
            "getItem": "GetItem",
            "putItem": "PutItem",
            "updateItem": "UpdateItem",
            "deleteItem": "DeleteItem",
        },
        "DynamoDB",
        "AmazonDynamoDBv2",
        "AmazonDynamoDBException",
        _DYNAMODB,
    ),
    "sqs": Optimized(
        "sqs", {"sendMessage": "SendMessage"}, "SQS", "AmazonSQS", "AmazonSQSException", _JSON
    ),
    "sns": Optimized(
        "sns",
        {"publish": "Publish"},
        "SNS",
        "AmazonSNS",
        "AmazonSNSException",
        _SNS,
        None,
        _sns_body,
    ),
    "events": Optimized(
        "events",
        {"putEvents": "PutEvents"},
        "EventBridge",
        "AmazonEventBridge",
        "AmazonEventBridgeException",
        _EVENTS,
        completed=_with_origin,
    ),
    "lambda": Optimized(
        "lambda",
        {"invoke": "Invoke"},
        "Lambda",
        "AWSLambda",
        "AWSLambdaException",
        _LAMBDA,
        frozenset({"ClientContext", "FunctionName", "InvocationType", "Payload", "Qualifier"}),
    ),
    "states": Optimized(
        "stepfunctions",
        {"startExecution": "StartExecution"},
        "StepFunctions",
        "AWSStepFunctions",
        "AWSStepFunctionsException",
        _JSON,
        frozenset({"Input", "Name", "StateMachineArn", "TraceHeader"}),
    ),
}
