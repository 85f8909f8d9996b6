"""The sandbox's score service: a company's score follows from its id, so that it never changes.

An id that begins with `unknown-` is unknown. An item makes the next calls for a company fail, or
with `#outage` those for every company:

    {"companyId": "c-7", "failuresLeft": 3}
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.micro_batch.payloads import ScoreAnswer

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.sandbox.environments import ScoreServiceEnvironment

OUTAGE = "#outage"
UNKNOWN_PREFIX = "unknown-"
SCORE_MIN, SCORE_MAX = 300, 850


class ScoreOutageError(Exception):
    """The service does not answer at the moment."""


class UnknownCompanyError(Exception):
    """The service has no such company."""


def score_company(
    dynamodb: DynamoDBClient, environment: ScoreServiceEnvironment, company_id: str
) -> ScoreAnswer:
    if any(_fails(dynamodb, environment, key) for key in (company_id, OUTAGE)):
        raise ScoreOutageError(company_id)
    if company_id.startswith(UNKNOWN_PREFIX):
        raise UnknownCompanyError(company_id)
    number = int(hashlib.sha256(company_id.encode()).hexdigest(), 16)
    return ScoreAnswer(companyId=company_id, score=SCORE_MIN + number % (SCORE_MAX - SCORE_MIN + 1))


def _fails(dynamodb: DynamoDBClient, environment: ScoreServiceEnvironment, key: str) -> bool:
    try:
        dynamodb.update_item(
            TableName=environment.outages_table,
            Key={"companyId": {"S": key}},
            UpdateExpression="SET failuresLeft = failuresLeft - :one",
            ConditionExpression="failuresLeft > :zero",
            ExpressionAttributeValues={":one": {"N": "1"}, ":zero": {"N": "0"}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
