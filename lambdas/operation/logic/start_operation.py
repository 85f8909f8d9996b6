"""Starts an operation through its queue and signs the links that its client polls.

The order of the steps keeps the status document true: it is written ACCEPTED before anything can
run, and never again once that is recorded, so a repeated request puts no later status back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import fastjsonschema

from lambdas.front.client_key import CLAIMED, claim, record_step, request_id
from lambdas.front.http import Refusal
from lambdas.front.payloads import StartMessage
from lambdas.operation.payloads import (
    FOLDER,
    RESULT_FILE,
    STATUS_FILE,
    OperationInput,
    OperationLinks,
    Progress,
    StatusDocument,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

    from lambdas.environment import BucketName, QueueUrl, StateMachineArn
    from lambdas.operation.environments import StartOperationEnvironment

# 500 ids of 64 characters take 34 kB.
BODY_BYTES_MAX = 65_536
# A link dies with the credentials that signed it, which a function's role renews within hours:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
LINK_SECONDS = 3600
POLL_AFTER_S = 2

DOCUMENTED = "DOCUMENTED"
QUEUED = "QUEUED"

# Until there is a mean: an operation that has to wait for nothing.
FIRST_MEAN_SECONDS = 5.0
MEAN_OVER = timedelta(days=1)

_check_schema = fastjsonschema.compile(
    json.loads((Path(__file__).parents[1] / "operation.schema.json").read_text("utf-8"))
)


class CloudWatch(Protocol):
    """What is needed of its client."""

    def __hash__(self) -> int: ...

    def get_metric_statistics(self, **params: object) -> Any: ...


@dataclass(frozen=True, slots=True)
class Clients:
    dynamodb: DynamoDBClient
    sqs: SQSClient
    s3: S3Client
    cloudwatch: CloudWatch


def start_operation(
    clients: Clients,
    environment: StartOperationEnvironment,
    customer_id: str,
    key: str,
    body: object,
    now: datetime,
) -> OperationLinks:
    """The links of the operation, when it is in the queue; the same operation for the same key."""
    operation_id = request_id(customer_id, key)
    order_ids = checked_order_ids(body)
    table, files = environment.operation_requests_table, environment.operation_files
    step = claim(clients.dynamodb, table, operation_id, customer_id, body)
    if step == CLAIMED:
        put_accepted(clients.s3, files, operation_id, len(order_ids), now)
        record_step(clients.dynamodb, table, operation_id, DOCUMENTED)
    if step != QUEUED:
        operation = OperationInput(
            operationId=operation_id, customerId=customer_id, orderIds=order_ids
        )
        clients.sqs.send_message(
            QueueUrl=environment.operation_queue,
            MessageBody=json.dumps(StartMessage(name=operation_id, input=operation)),
        )
        record_step(clients.dynamodb, table, operation_id, QUEUED)
    waiting = messages_waiting(clients.sqs, environment.operation_queue)
    hour = now.replace(minute=0, second=0, microsecond=0)
    mean_s = mean_seconds(clients.cloudwatch, environment.operation_machine, hour)
    return OperationLinks(
        operationId=operation_id,
        status="ACCEPTED",
        statusUrl=link(clients.s3, files, f"{FOLDER}/{operation_id}/{STATUS_FILE}"),
        resultUrl=link(clients.s3, files, f"{FOLDER}/{operation_id}/{RESULT_FILE}"),
        linksExpireAt=(now + timedelta(seconds=LINK_SECONDS)).isoformat(timespec="seconds"),
        estimatedSeconds=round(max(waiting, 1) * mean_s),
    )


def checked_order_ids(body: object) -> list[str]:
    try:
        _check_schema(body, name_prefix="operation")
    except fastjsonschema.JsonSchemaValueException as error:
        raise Refusal(400, "OperationInvalid", error.message) from error
    return cast("dict[str, list[str]]", body)["orderIds"]


def put_accepted(
    s3: S3Client, files: BucketName, operation_id: str, total: int, now: datetime
) -> None:
    document = StatusDocument(
        operationId=operation_id,
        status="ACCEPTED",
        updatedAt=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        run=None,
        progress=Progress(done=0, total=total),
    )
    s3.put_object(
        Bucket=files,
        Key=f"{FOLDER}/{operation_id}/{STATUS_FILE}",
        Body=json.dumps(document).encode(),
        ContentType="application/json",
        CacheControl="no-store",
    )


def link(s3: S3Client, files: BucketName, key: str) -> str:
    """Signed here, without a call."""
    return s3.generate_presigned_url(
        "get_object", Params={"Bucket": files, "Key": key}, ExpiresIn=LINK_SECONDS
    )


def messages_waiting(sqs: SQSClient, queue: QueueUrl) -> int:
    """Those that could not be started yet; this one too, if it was sent a moment ago."""
    attributes = sqs.get_queue_attributes(
        QueueUrl=queue,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(int(count) for count in attributes.values())


@lru_cache(maxsize=1)
def mean_seconds(cloudwatch: CloudWatch, machine: StateMachineArn, until: datetime) -> float:
    """The mean time of the last day's operations, asked for once an hour."""
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/States",
        MetricName="ExecutionTime",
        Dimensions=[{"Name": "StateMachineArn", "Value": machine}],
        StartTime=until - MEAN_OVER,
        EndTime=until,
        Period=int(MEAN_OVER.total_seconds()),
        Statistics=["Average"],
    )
    points = answer["Datapoints"]
    return float(points[0]["Average"]) / 1000 if points else FIRST_MEAN_SECONDS
