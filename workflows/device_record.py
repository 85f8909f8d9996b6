"""What the device ingest keeps: the device's item, which only moves forward by the device's clock,
and the archive, where the same message is the same object. Doing either twice changes nothing.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import number, text
from workflows.device_branch import TIME_OUT
from workflows.jsonata import jsonata
from workflows.retry_policy import DYNAMODB_FAULTS, S3_SDK_FAULTS, TIME_OUTS, retry

NOT_NEWER = "DynamoDB.ConditionalCheckFailedException"


def update_device(
    scope: Construct,
    state: str,
    *,
    devices: dynamodb.ITable,
    update: str,
    condition: str,
    values: Mapping[str, tasks.DynamoAttributeValue],
    outputs: Mapping[str, str],
) -> tasks.DynamoUpdateItem:
    """A Task that writes what is newer than what is there; `:at` is the device's time."""
    task = tasks.DynamoUpdateItem.jsonata(
        scope,
        state,
        table=devices,
        key={"deviceId": text(jsonata("$message.deviceId"))},
        update_expression=update,
        condition_expression=condition,
        expression_attribute_values={
            ":at": number(jsonata("$string($message.measuredAtMs)")),
            **values,
        },
        task_timeout=TIME_OUT,
        outputs=outputs,
    )
    retry(task, DYNAMODB_FAULTS, TIME_OUTS)
    return task


def put_object(
    scope: Construct, state: str, *, archive: s3.IBucket, folder: str, name: str
) -> tasks.CallAwsService:
    """A Task that archives the message as it came; the same message is the same object."""
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="s3",
        action="putObject",
        iam_action="s3:PutObject",
        iam_resources=[archive.arn_for_objects("*")],
        parameters={
            "Bucket": archive.bucket_name,
            "Key": jsonata(
                f"""$join(['{folder}', $message.deviceId,
                $substring($fromMillis($message.measuredAtMs), 0, 10),
                {name} & '.json'], '/')"""
            ),
            "Body": jsonata("$message"),
            "ContentType": "application/json",
        },
        task_timeout=TIME_OUT,
        outputs={"archive": "ARCHIVED"},
    )
    retry(task, S3_SDK_FAULTS, TIME_OUTS)
    return task
