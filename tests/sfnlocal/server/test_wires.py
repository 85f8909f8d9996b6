"""What botocore writes is understood, and what is answered botocore reads, in every protocol."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from sfnlocal.errors import ApiError
from sfnlocal.server.http import Request, Response
from sfnlocal.server.wires import client_name, wire_of
from sfnlocal.services.service_models import service_model

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def request(service: str, protocol: str, operation: str, params: dict[str, Any]) -> Request:
    model = service_model(service).operation_model(operation)
    made = create_serializer(protocol).serialize_to_request(params, model)
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    headers = {name.lower(): value for name, value in made["headers"].items()}
    path = made["url_path"]
    query = urlencode(made.get("query_string") or {}, doseq=True)
    content = body if isinstance(body, bytes) else body.encode()
    return Request(made["method"], f"{path}?{query}" if query else path, headers, content)


def parsed(service: str, protocol: str, operation: str, response: Response) -> dict[str, Any]:
    shape = service_model(service).operation_model(operation).output_shape
    answered = {"status_code": response.status, "headers": response.headers, "body": response.body}
    assert shape is not None
    made: dict[str, Any] = create_parser(protocol).parse(answered, shape)
    made.pop("ResponseMetadata", None)
    return made


CASES = [
    (
        "sqs",
        "json",
        "SendMessage",
        {
            "QueueUrl": "https://q",
            "MessageBody": "ü",
            "MessageAttributes": {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
        },
        {"MessageId": "m-1", "MD5OfMessageBody": "x"},
    ),
    (
        "sns",
        "query",
        "Publish",
        {
            "TopicArn": "arn:aws:sns:us-east-1:1:t",
            "Message": "<hello>",
            "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "x"}},
        },
        {"MessageId": "m-1"},
    ),
    (
        "scheduler",
        "rest-json",
        "CreateSchedule",
        {
            "Name": "nightly",
            "ScheduleExpression": "rate(1 day)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:a", "RoleArn": "arn:r"},
        },
        {"ScheduleArn": "arn:aws:scheduler:us-east-1:1:schedule/default/nightly"},
    ),
    (
        "scheduler",
        "rest-json",
        "ListSchedules",
        {"GroupName": "default", "MaxResults": 5},
        {"Schedules": [{"Name": "a", "CreationDate": NOON}]},
    ),
    (
        "events",
        "json",
        "DescribeReplay",
        {"ReplayName": "again"},
        {"ReplayName": "again", "EventStartTime": NOON},
    ),
    (
        "cloudwatch",
        "smithy-rpc-v2-cbor",
        "GetMetricData",
        {
            "StartTime": NOON,
            "EndTime": NOON,
            "MetricDataQueries": [{"Id": "m", "Expression": "1 + 2"}],
        },
        {"MetricDataResults": [{"Id": "m", "Timestamps": [NOON], "Values": [3.5]}]},
    ),
    (
        "cloudwatch",
        "query",
        "GetMetricData",
        {"StartTime": NOON, "EndTime": NOON, "MetricDataQueries": [{"Id": "m"}]},
        {"MetricDataResults": [{"Id": "m", "Timestamps": [NOON], "Values": [3.5]}]},
    ),
]


@pytest.mark.parametrize(("service", "protocol", "operation", "params", "answer"), CASES)
def test_a_call_is_understood_and_its_answer_can_be_read(
    service: str,
    protocol: str,
    operation: str,
    params: dict[str, Any],
    answer: dict[str, Any],
) -> None:
    sent = request(service, protocol, operation, params)
    wire = wire_of(service, sent)
    named, understood = wire.understood(sent)
    understood.pop("ClientToken", None)
    assert (named, understood) == (operation, params)
    in_seconds = _seconds(answer)
    assert parsed(service, protocol, operation, wire.response(operation, in_seconds)) == answer


def _seconds(value: Any) -> Any:
    """As our services answer: dates are epoch seconds."""
    match value:
        case dict():
            return {key: _seconds(item) for key, item in value.items()}
        case list():
            return [_seconds(item) for item in value]
        case datetime():
            return value.timestamp()
    return value


def test_queues_understand_the_query_protocol_of_older_clients() -> None:
    form = {
        "Action": "SendMessageBatch",
        "QueueUrl": "https://q",
        "SendMessageBatchRequestEntry.1.Id": "1",
        "SendMessageBatchRequestEntry.1.MessageBody": "a & b",
    }
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    sent = Request("POST", "/", headers, urlencode(form).encode())
    wire = wire_of("sqs", sent)
    assert wire.understood(sent) == (
        "SendMessageBatch",
        {"QueueUrl": "https://q", "Entries": [{"Id": "1", "MessageBody": "a & b"}]},
    )
    answer = {"Successful": [{"Id": "1", "MessageId": "m", "MD5OfMessageBody": "x"}]}
    text = wire.response("SendMessageBatch", answer).body.decode()
    assert "<SendMessageBatchResultEntry><Id>1</Id>" in text


@pytest.mark.parametrize(
    ("service", "protocol", "operation", "code"),
    [
        ("sqs", "json", "ListQueues", "AWS.SimpleQueueService.NonExistentQueue"),
        ("sqs", "query", "ListQueues", "AWS.SimpleQueueService.NonExistentQueue"),
        ("events", "json", "ListRules", "ResourceNotFoundException"),
        ("scheduler", "rest-json", "ListSchedules", "ConflictException"),
        ("cloudwatch", "smithy-rpc-v2-cbor", "ListMetrics", "InvalidParameterValue"),
        ("sns", "query", "ListTopics", "NotFound"),
    ],
)
def test_an_error_has_its_code_and_message(
    service: str, protocol: str, operation: str, code: str
) -> None:
    wire = wire_of(service, request(service, protocol, operation, {}))
    fault = wire.fault(ApiError(code, "it is <not> there", 404))
    error = parsed(service, protocol, operation, fault)["Error"]
    assert (error["Code"], error["Message"]) == (code, "it is <not> there")
    assert fault.status == 404


@pytest.mark.parametrize(
    ("headers", "target", "body", "code"),
    [
        ({"x-amz-target": "AmazonSQS.Fly"}, "/", b"{}", "UnknownOperationException"),
        ({"x-amz-target": "AmazonSQS.ListQueues"}, "/", b"[", "SerializationException"),
        ({"x-amz-target": "AmazonSQS.ListQueues"}, "/", b"[]", "SerializationException"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            "/",
            b"Action=Fly",
            "UnknownOperationException",
        ),
        (
            {"smithy-protocol": "rpc-v2-cbor"},
            "/service/X/operation/ListQueues",
            b"\xff\xff",
            "SerializationException",
        ),
        (
            {"smithy-protocol": "rpc-v2-cbor"},
            "/service/X/operation/ListQueues",
            b"\x01",
            "SerializationException",
        ),
    ],
)
def test_what_cannot_be_understood_is_an_error_of_the_caller(
    headers: dict[str, str], target: str, body: bytes, code: str
) -> None:
    made = Request("POST", target, headers, body)
    with pytest.raises(ApiError) as error:
        wire_of("sqs", made).understood(made)
    assert error.value.aws_code == code


def test_a_clients_name_is_found_by_the_name_it_signs_for() -> None:
    assert [client_name(one) for one in ("monitoring", "sqs")] == ["cloudwatch", "sqs"]
