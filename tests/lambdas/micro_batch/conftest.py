"""What the micro-process batch works with, in moto: a bucket, a work queue, its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from lambdas.environment import QueueUrl, ServiceAddress, TableName
from lambdas.micro_batch.environments import ScoreMessageEnvironment
from lambdas.micro_batch.errors import CompanyUnknown, ScoreServiceUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

BUCKET = "files"
CLIENT: Any = {
    "region_name": "eu-west-1",
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
}


@dataclass(frozen=True)
class Aws:
    s3: S3Client
    sqs: SQSClient
    dynamodb: DynamoDBClient
    environment: ScoreMessageEnvironment

    def put(self, key: str, body: str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())

    def read(self, key: str) -> str:
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()

    def sent(self) -> int:
        """How many messages the queue has."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.environment.work_queue, AttributeNames=["All"]
        )["Attributes"]
        visible = int(attributes["ApproximateNumberOfMessages"])
        return visible + int(attributes["ApproximateNumberOfMessagesDelayed"])

    def counted(self, name: str) -> int:
        items = self.dynamodb.scan(TableName="jobs")["Items"]
        return sum(int(item.get(name, {"N": "0"})["N"]) for item in items)


@pytest.fixture(scope="session")
def clients() -> tuple[S3Client, SQSClient, DynamoDBClient]:
    """Once for all tests: they take longer to make than a test takes."""
    return (
        boto3.client("s3", **CLIENT),
        boto3.client("sqs", **CLIENT),
        boto3.client("dynamodb", **CLIENT),
    )


@pytest.fixture
def aws(clients: tuple[S3Client, SQSClient, DynamoDBClient]) -> Iterator[Aws]:
    s3, sqs, dynamodb = clients
    with mock_aws():
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        url = sqs.create_queue(QueueName="work")["QueueUrl"]
        for table, keys in {"parts": {"part": "S"}, "jobs": {"jobId": "S", "shard": "N"}}.items():
            kinds: Any = zip(keys, ("HASH", "RANGE"), strict=False)
            attributes: Any = [{"AttributeName": k, "AttributeType": t} for k, t in keys.items()]
            dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
                AttributeDefinitions=attributes,
                BillingMode="PAY_PER_REQUEST",
            )
        environment = ScoreMessageEnvironment(
            score_service=ServiceAddress("function:scores"),
            parts_table=TableName("parts"),
            jobs_table=TableName("jobs"),
            work_queue=QueueUrl(url),
        )
        yield Aws(s3, sqs, dynamodb, environment)


class Scores:
    """A score service: each company's score is 500, but for those that are down or unknown."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.asked: list[str] = []

    def score(self, company_id: str) -> int:
        self.asked.append(company_id)
        if company_id in self.down:
            raise ScoreServiceUnavailable(company_id)
        if company_id.startswith("unknown-"):
            raise CompanyUnknown(company_id)
        return 500


@pytest.fixture
def scores() -> Scores:
    return Scores()
