"""Names, arguments and results of the AWS SDK integrations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.model import OperationModel

from sfnlocal.ports import Json
from sfnlocal.services import aws_sdk
from sfnlocal.services.aws_sdk import Arguments, api_name, member_name

AVAILABLE = botocore.session.Session().get_available_services()


def operation(service: str, name: str) -> OperationModel:
    return botocore.session.Session().get_service_model(service).operation_model(name)


@pytest.mark.parametrize(
    ("service", "client"),
    [
        ("sfn", "stepfunctions"),
        ("dynamodb", "dynamodb"),
        ("eventbridge", "events"),
        ("cloudwatchlogs", "logs"),
        ("rdsdata", "rds-data"),
        ("cognitoidentityprovider", "cognito-idp"),
        ("states", None),
    ],
)
def test_services_are_named_as_by_the_java_sdk(service: str, client: str | None) -> None:
    assert aws_sdk.client_name(service, AVAILABLE) == client


def test_every_listed_client_exists() -> None:
    assert set(aws_sdk.CLIENT_NAMES.values()) <= set(AVAILABLE)


# https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html and the
# Java SDK's reference
@pytest.mark.parametrize(
    ("api", "java"),
    [
        ("executionArn", "ExecutionArn"),
        ("DBClusters", "DbClusters"),
        ("ETag", "ETag"),
        ("ChecksumCRC32", "ChecksumCRC32"),
        ("MD5OfMessageBody", "Md5OfMessageBody"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("ARN", "Arn"),
        # https://github.com/aws/aws-sdk-js/issues/4294
        ("BOOL", "Bool"),
        ("NULL", "Nul"),
        ("Body", "Body"),
    ],
)
def test_members_are_named_as_by_the_java_sdk(api: str, java: str) -> None:
    assert member_name(api) == java


@pytest.mark.parametrize(
    ("service_id", "java"),
    [
        ("DynamoDB", "DynamoDb"),
        ("SFN", "Sfn"),
        ("S3", "S3"),
        ("Secrets Manager", "SecretsManager"),
        ("EventBridge", "EventBridge"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("SESv2", "SesV2"),
        ("RDS Data", "RdsData"),
    ],
)
def test_service_classes_are_named_as_by_the_java_sdk(service_id: str, java: str) -> None:
    assert aws_sdk.class_name(service_id) == java


@pytest.mark.parametrize(
    ("shape", "java"),
    [
        ("NoSuchBucket", "NoSuchBucketException"),
        ("ConditionalCheckFailedException", "ConditionalCheckFailedException"),
        ("DBInstanceNotFoundFault", "DbInstanceNotFoundException"),
        ("ExecutionDoesNotExist", "ExecutionDoesNotExistException"),
    ],
)
def test_exceptions_are_named_as_by_the_java_sdk(shape: str, java: str) -> None:
    assert aws_sdk.exception_name(shape) == java


def converted(service: str, name: str, arguments: Json) -> tuple[dict[str, Any], list[str]]:
    taken = Arguments(member_name)
    return taken.convert(arguments, operation(service, name)), taken.mistakes


def test_arguments_get_botocores_names() -> None:
    arguments = {"StateMachineArn": "arn", "Input": {"a": [1]}, "Name": None}
    assert converted("stepfunctions", "StartExecution", arguments) == (
        {"stateMachineArn": "arn", "input": '{"a":[1]}'},
        [],
    )


def test_numbers_and_contents_get_botocores_types() -> None:
    params, mistakes = converted("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": {"a": 1}})
    assert (params["Body"], mistakes) == (b'{"a":1}', [])
    params, mistakes = converted("sqs", "ReceiveMessage", {"QueueUrl": "q", "WaitTimeSeconds": 1.0})
    assert (params["WaitTimeSeconds"], mistakes) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        ({"TableName": "t"}, "The field 'Item' is required but was missing"),
        (
            {"TableName": "t", "Item": {}, "tableName": "t"},
            'The field "tableName" is not supported by Step Functions',
        ),
        ({"TableName": 1, "Item": {}}, "The value for the field 'TableName' must be a string"),
        ({"TableName": "t", "Item": []}, "The value for the field 'Item' must be an object"),
        (
            {"TableName": "t", "Item": {"a": {"Bool": "x"}}},
            "The value for the field 'Bool' must be a boolean",
        ),
        (
            {"TableName": "t", "Item": {"a": {"L": {}}}},
            "The value for the field 'L' must be an array",
        ),
        ([], "The value for the Parameters field must be an object"),
    ],
)
def test_mistakes_in_arguments_are_named(arguments: Json, mistake: str) -> None:
    assert converted("dynamodb", "PutItem", arguments)[1] == [mistake]


def test_an_operation_without_parameters_takes_none() -> None:
    assert converted("sts", "GetCallerIdentity", {"A": 1})[1] == [
        'The field "A" is not supported by Step Functions'
    ]


def test_results_have_the_java_sdks_names_and_plain_values() -> None:
    response = {
        "executionArn": "arn",
        "startDate": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "ResponseMetadata": {"RequestId": "r"},
    }
    model = operation("stepfunctions", "StartExecution")
    assert aws_sdk.result(response, model, member_name) == {
        "ExecutionArn": "arn",
        "StartDate": "2026-01-01T12:00:00Z",
    }
    assert list(aws_sdk.result(response, model, api_name)) == ["ExecutionArn", "StartDate"]


def test_times_have_milliseconds_only_where_there_are_some() -> None:
    assert aws_sdk.instant(datetime(2026, 1, 1, microsecond=5000, tzinfo=UTC)).endswith("00.005Z")


def test_binary_values_are_base64() -> None:
    item = {"Item": {"a": {"B": b"\xff\x00"}, "b": {"SS": ["x"]}}}
    assert aws_sdk.result(item, operation("dynamodb", "GetItem"), api_name) == {
        "Item": {"a": {"B": "/wA="}, "b": {"SS": ["x"]}}
    }
