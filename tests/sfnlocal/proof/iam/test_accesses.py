"""What calls need permission for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfnlocal.ports import ServiceCall
from sfnlocal.proof.iam.accesses import accesses
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.template import load_app

APP = Path(__file__).parent / "encrypted.yaml"
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
SQS = "arn:aws:sqs:us-east-1:123456789012:q"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
STATES = "arn:aws:states:us-east-1:123456789012"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
EVENTS = "arn:aws:events:us-east-1:123456789012"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group"
KEY = {"id": {"S": "1"}}


@pytest.fixture(scope="module")
def home() -> Home:
    return Home(load_app(APP), token_owner=lambda token: f"{STATES}:stateMachine:M")


CASES: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("sqs", "SendMessage", {"QueueUrl": URL}, [("sqs:SendMessage", SQS)]),
    ("sqs", "SendMessageBatch", {"QueueUrl": URL}, [("sqs:SendMessage", SQS)]),
    ("sqs", "DeleteMessageBatch", {"QueueUrl": URL}, [("sqs:DeleteMessage", SQS)]),
    (
        "sqs",
        "ChangeMessageVisibilityBatch",
        {"QueueUrl": URL},
        [("sqs:ChangeMessageVisibility", SQS)],
    ),
    ("sqs", "GetQueueUrl", {"QueueName": "q"}, [("sqs:GetQueueUrl", SQS)]),
    ("sqs", "StartMessageMoveTask", {"SourceArn": SQS}, [("sqs:StartMessageMoveTask", SQS)]),
    ("sqs", "ListQueues", {}, [("sqs:ListQueues", "*")]),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY}, [("dynamodb:GetItem", TABLE)]),
    ("dynamodb", "GetItem", {"TableName": TABLE, "Key": KEY}, [("dynamodb:GetItem", TABLE)]),
    ("dynamodb", "Query", {"TableName": "t"}, [("dynamodb:Query", TABLE)]),
    (
        "dynamodb",
        "Query",
        {"TableName": "t", "IndexName": "byDay"},
        [("dynamodb:Query", f"{TABLE}/index/byDay")],
    ),
    ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
    (
        "dynamodb",
        "BatchWriteItem",
        {"RequestItems": {"t": [{"PutRequest": {"Item": KEY}}], "u": []}},
        [
            ("dynamodb:BatchWriteItem", TABLE),
            ("dynamodb:BatchWriteItem", TABLE.replace("/t", "/u")),
        ],
    ),
    (
        "dynamodb",
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": "t", "Item": KEY}},
                {"Update": {"TableName": "t", "Key": KEY}},
                {"Delete": {"TableName": "t", "Key": KEY}},
                {"ConditionCheck": {"TableName": "u", "Key": KEY}},
            ]
        },
        [
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:UpdateItem", TABLE),
            ("dynamodb:DeleteItem", TABLE),
            ("dynamodb:ConditionCheckItem", TABLE.replace("/t", "/u")),
        ],
    ),
    (
        "dynamodb",
        "TransactGetItems",
        {"TransactItems": [{"Get": {"TableName": "t", "Key": KEY}}]},
        [("dynamodb:GetItem", TABLE)],
    ),
    (
        "dynamodb",
        "ExecuteStatement",
        {"Statement": 'SELECT * FROM "t"."byDay" WHERE id = ?'},
        [("dynamodb:PartiQLSelect", f"{TABLE}/index/byDay")],
    ),
    (
        "dynamodb",
        "BatchExecuteStatement",
        {"Statements": [{"Statement": "INSERT INTO \"t\" VALUE {'id': ?}"}]},
        [("dynamodb:PartiQLInsert", TABLE)],
    ),
    ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", FUNCTION)]),
    (
        "lambda",
        "Invoke",
        {"FunctionName": f"{FUNCTION}:live"},
        [("lambda:InvokeFunction", f"{FUNCTION}:live")],
    ),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "f", "Qualifier": "2"},
        [("lambda:InvokeFunction", f"{FUNCTION}:2")],
    ),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "f", "Qualifier": "$LATEST"},
        [("lambda:InvokeFunction", FUNCTION)],
    ),
    (
        "lambda",
        "UpdateEventSourceMapping",
        {"UUID": "u-1", "FunctionName": "f"},
        [
            (
                "lambda:UpdateEventSourceMapping",
                FUNCTION.replace("function:f", "event-source-mapping:u-1"),
            )
        ],
    ),
    ("lambda", "ListFunctions", {}, [("lambda:ListFunctions", "*")]),
    (
        "stepfunctions",
        "StartExecution",
        {"stateMachineArn": f"{STATES}:stateMachine:M"},
        [("states:StartExecution", f"{STATES}:stateMachine:M")],
    ),
    (
        "stepfunctions",
        "StartExecution",
        {"StateMachineArn": f"{STATES}:stateMachine:M:live"},
        [("states:StartExecution", f"{STATES}:stateMachine:M")],
    ),
    (
        "stepfunctions",
        "DescribeExecution",
        {"executionArn": f"{STATES}:execution:M:1"},
        [("states:DescribeExecution", f"{STATES}:execution:M:1")],
    ),
    (
        "stepfunctions",
        "SendTaskSuccess",
        {"taskToken": "T", "output": "{}"},
        [("states:SendTaskSuccess", f"{STATES}:stateMachine:M")],
    ),
    (
        "stepfunctions",
        "CreateStateMachine",
        {"name": "N", "roleArn": "arn:aws:iam::123456789012:role/r"},
        [
            ("states:CreateStateMachine", f"{STATES}:stateMachine:N"),
            ("iam:PassRole", "arn:aws:iam::123456789012:role/r"),
        ],
    ),
    ("s3", "PutObject", {"Bucket": "b", "Key": "a/c"}, [("s3:PutObject", "arn:aws:s3:::b/a/c")]),
    ("s3", "HeadObject", {"Bucket": "b", "Key": "a"}, [("s3:GetObject", "arn:aws:s3:::b/a")]),
    (
        "s3",
        "GetObject",
        {"Bucket": "b", "Key": "a", "VersionId": "1"},
        [("s3:GetObjectVersion", "arn:aws:s3:::b/a")],
    ),
    ("s3", "UploadPart", {"Bucket": "b", "Key": "a"}, [("s3:PutObject", "arn:aws:s3:::b/a")]),
    ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "x"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "HeadBucket", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
    (
        "s3",
        "DeleteObjects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "a"}, {"Key": "c", "VersionId": "1"}]}},
        [("s3:DeleteObject", "arn:aws:s3:::b/a"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/c")],
    ),
    (
        "s3",
        "CopyObject",
        {"Bucket": "b", "Key": "a", "CopySource": "/c/d%20e"},
        [("s3:GetObject", "arn:aws:s3:::c/d e"), ("s3:PutObject", "arn:aws:s3:::b/a")],
    ),
    (
        "sns",
        "PublishBatch",
        {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t"},
        [("sns:Publish", "arn:aws:sns:us-east-1:123456789012:t")],
    ),
    (
        "sns",
        "Unsubscribe",
        {"SubscriptionArn": "arn:aws:sns:us-east-1:123456789012:t:1"},
        [("sns:Unsubscribe", "arn:aws:sns:us-east-1:123456789012:t")],
    ),
    (
        "events",
        "PutEvents",
        {"Entries": [{"Source": "a"}, {"EventBusName": "orders"}]},
        [
            ("events:PutEvents", f"{EVENTS}:event-bus/default"),
            ("events:PutEvents", f"{EVENTS}:event-bus/orders"),
        ],
    ),
    (
        "events",
        "PutRule",
        {"Name": "r", "EventBusName": "orders"},
        [("events:PutRule", f"{EVENTS}:rule/orders/r")],
    ),
    (
        "events",
        "PutTargets",
        {"Rule": "r", "Targets": [{"RoleArn": "arn:aws:iam::1:role/a"}, {"Arn": SQS}]},
        [("events:PutTargets", f"{EVENTS}:rule/r"), ("iam:PassRole", "arn:aws:iam::1:role/a")],
    ),
    (
        "scheduler",
        "CreateSchedule",
        {"Name": "s", "GroupName": "g", "Target": {"RoleArn": "arn:aws:iam::1:role/a"}},
        [
            (
                "scheduler:CreateSchedule",
                "arn:aws:scheduler:us-east-1:123456789012:schedule/g/s",
            ),
            ("iam:PassRole", "arn:aws:iam::1:role/a"),
        ],
    ),
    (
        "ssm",
        "GetParameters",
        {"Names": ["/a/b", "c"]},
        [
            ("ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/a/b"),
            ("ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/c"),
        ],
    ),
    ("logs", "CreateLogStream", {"logGroupName": "g"}, [("logs:CreateLogStream", f"{LOGS}:g:*")]),
    (
        "logs",
        "PutLogEvents",
        {"logGroupName": "g", "logStreamName": "s"},
        [("logs:PutLogEvents", f"{LOGS}:g:log-stream:s")],
    ),
    (
        "cloudwatch",
        "PutMetricData",
        {"Namespace": "a"},
        [("cloudwatch:PutMetricData", "*")],
    ),
    ("xray", "PutTraceSegments", {}, [("xray:PutTraceSegments", "*")]),
    ("sts", "GetCallerIdentity", {}, []),
    ("ses", "SendEmail", {"Source": "a"}, [("ses:SendEmail", "*")]),
    # Encrypted with a customer managed key.
    (
        "sqs",
        "SendMessage",
        {"QueueUrl": URL.replace("/q", "/encrypted")},
        [
            ("sqs:SendMessage", SQS.replace(":q", ":encrypted")),
            ("kms:GenerateDataKey", "arn:aws:kms:us-east-1:123456789012:key/KEY"),
            ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/KEY"),
        ],
    ),
    (
        "s3",
        "GetObject",
        {"Bucket": "encrypted", "Key": "a"},
        [
            ("s3:GetObject", "arn:aws:s3:::encrypted/a"),
            ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/KEY"),
        ],
    ),
    (
        "s3",
        "PutObject",
        {"Bucket": "b", "Key": "a", "SSEKMSKeyId": "alias/orders"},
        [
            ("s3:PutObject", "arn:aws:s3:::b/a"),
            ("kms:GenerateDataKey", "arn:aws:kms:us-east-1:123456789012:key/KEY"),
        ],
    ),
    (
        "sqs",
        "SendMessage",
        {"QueueUrl": URL.replace("/q", "/awskey")},
        [("sqs:SendMessage", SQS.replace(":q", ":awskey"))],
    ),
]


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    CASES,
    ids=[f"{one[0]} {one[1]} {index}" for index, one in enumerate(CASES)],
)
def test_a_call_needs(
    home: Home,
    service: str,
    operation: str,
    params: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    key = home.app.of_type("AWS::KMS::Key")[0].arn.rpartition("/")[2]
    found = accesses(ServiceCall(service, operation, params, None), home)
    needed = [(one.action, one.resource.replace(key, "KEY")) for one in found]
    assert needed == expected
    assert [one.derived for one in found] == [service == "ses"] * len(found)


def keys(home: Home, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    (access,) = accesses(ServiceCall(service, operation, params, None), home)
    return dict(access.keys)


def test_a_request_carries_its_own_condition_keys(home: Home) -> None:
    item = {"TableName": "t", "Item": {"id": {"S": "7"}, "n": {"N": "1"}}, "ReturnValues": "NONE"}
    assert keys(home, "dynamodb", "PutItem", item) == {
        "dynamodb:leadingkeys": ("7",),
        "dynamodb:returnvalues": ("NONE",),
    }
    listing = {"Bucket": "b", "Prefix": "home/", "MaxKeys": 5}
    assert keys(home, "s3", "ListObjectsV2", listing) == {
        "s3:prefix": ("home/",),
        "s3:max-keys": ("5",),
    }
    alias = {"stateMachineArn": f"{STATES}:stateMachine:M:live"}
    assert keys(home, "stepfunctions", "StartExecution", alias) == {
        "states:statemachinequalifier": ("live",)
    }
    event = {"Entries": [{"Source": "shop", "DetailType": "Ordered"}]}
    assert keys(home, "events", "PutEvents", event) == {
        "events:source": ("shop",),
        "events:detail-type": ("Ordered",),
    }


def test_a_service_uses_a_key_in_its_callers_name(home: Home) -> None:
    params = {"QueueUrl": URL.replace("/q", "/encrypted")}
    found = accesses(ServiceCall("sqs", "ReceiveMessage", params, None), home)
    assert [dict(one.keys) for one in found] == [
        {},
        {"kms:viaservice": ("sqs.us-east-1.amazonaws.com",)},
    ]


def test_a_role_is_passed_to_a_service(home: Home) -> None:
    params = {"Name": "s", "Target": {"RoleArn": "arn:aws:iam::1:role/a"}}
    passed = accesses(ServiceCall("scheduler", "CreateSchedule", params, None), home)[1]
    assert dict(passed.keys) == {"iam:passedtoservice": ("scheduler.amazonaws.com",)}
