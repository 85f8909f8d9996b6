"""The compiled check never passes what botocore would report, and passes what is sent each day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.validate import ParamValidator

from sfnlocal.services.parameter_check import parameter_check
from sfnlocal.services.service_models import service_model

_ITEM = {"id": {"S": "a"}, "counts": {"M": {"n": {"L": [{"N": "1"}, {"B": b"x"}]}}}}
_FIT = [
    ("dynamodb", "PutItem", {"TableName": "t", "Item": _ITEM}),
    ("dynamodb", "Scan", {"TableName": "t", "Limit": 1, "ConsistentRead": True}),
    ("sqs", "ReceiveMessage", {"QueueUrl": "u", "AttributeNames": ["All"]}),
    ("sqs", "SendMessageBatch", {"QueueUrl": "u", "Entries": ({"Id": "1", "MessageBody": "b"},)}),
    ("cloudwatch", "DescribeAlarmHistory", {"StartDate": datetime(2026, 1, 1, tzinfo=UTC)}),
    ("lambda", "Invoke", {"FunctionName": "f", "Payload": b"{}"}),
    ("sqs", "ListQueues", {}),
]
_BROKEN = [
    ("dynamodb", "PutItem", {"TableName": "t"}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": {"id": "a"}}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": {1: {"S": "a"}}}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": _ITEM, "Items": []}),
    ("dynamodb", "PutItem", {"TableName": "", "Item": _ITEM}),
    ("dynamodb", "Scan", {"TableName": "t", "Limit": 0}),
    ("dynamodb", "Scan", {"TableName": "t", "Limit": "1"}),
    ("dynamodb", "Scan", {"TableName": "t", "ConsistentRead": 1}),
    ("sqs", "ReceiveMessage", {"QueueUrl": "u", "AttributeNames": "All"}),
    ("sqs", "ReceiveMessage", {"QueueUrl": None}),
    ("cloudwatch", "DescribeAlarmHistory", {"StartDate": "yesterday"}),
    ("lambda", "Invoke", {"FunctionName": "f", "Payload": 1}),
    ("bedrock-runtime", "Converse", {"modelId": "m", "additionalModelRequestFields": {1, 2}}),
    ("rekognition", "DetectLabels", {"MinConfidence": -1.0}),
    ("sesv2", "ListContacts", {"ContactListName": "c", "Filter": {"Unknown": 1}}),
]


def _reported(service: str, operation: str, params: dict[str, Any]) -> str:
    shape = service_model(service).operation_model(operation).input_shape
    assert shape is not None
    return str(ParamValidator().validate(params, shape).generate_report())


@pytest.mark.parametrize(("service", "operation", "params"), _FIT)
def test_what_fits_passes(service: str, operation: str, params: dict[str, Any]) -> None:
    assert _reported(service, operation, params) == ""
    assert parameter_check(service, operation)(params)


@pytest.mark.parametrize(("service", "operation", "params"), _BROKEN)
def test_what_botocore_reports_does_not_pass(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    assert _reported(service, operation, params) != ""
    assert not parameter_check(service, operation)(params)


def test_a_union_holds_exactly_one_member() -> None:
    check = parameter_check("bedrock-runtime", "Converse")
    message = {"role": "user", "content": [{"text": "hello"}]}
    assert check({"modelId": "m", "messages": [message]})
    for content in ({}, {"text": "hello", "cachePoint": {"type": "default"}}):
        assert not check({"modelId": "m", "messages": [{**message, "content": [content]}]})


def test_what_follows_rules_of_its_own_is_left_to_botocore() -> None:
    """A document may hold anything, a text may be a time."""
    document = {"modelId": "m", "additionalModelRequestFields": {"a": 1}}
    assert _reported("bedrock-runtime", "Converse", document) == ""
    assert not parameter_check("bedrock-runtime", "Converse")(document)
    text = {"StartDate": "2026-01-01T00:00:00Z"}
    assert _reported("cloudwatch", "DescribeAlarmHistory", text) == ""
    assert not parameter_check("cloudwatch", "DescribeAlarmHistory")(text)


def test_an_operation_without_parameters_takes_none() -> None:
    assert service_model("iam").operation_model("GetAccountSummary").input_shape is None
    assert parameter_check("iam", "GetAccountSummary")({})
