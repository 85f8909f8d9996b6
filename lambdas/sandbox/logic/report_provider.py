"""The report provider's ledger: one item a report, made once for each request key.

A report is ready as many minutes after its request as its account is large. An item named after
an account makes that account different, so that each ending can be tried from the console too:

    {"reportId": "#a-1", "readyAfterSeconds": 3600, "messages": 25, "messageBytes": 100}
    {"reportId": "#a-1", "refusedBecause": "the account is closed"}
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from lambdas.report.payloads import (
    FetchAnswer,
    Location,
    Report,
    ReportRequest,
    ReportRequested,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from types_boto3_s3 import S3Client

    from lambdas.sandbox.environments import ReportProviderEnvironment

    Item = dict[str, AttributeValueTypeDef]

MINUTES_MAX = 10
MESSAGES_PER_SIZE = 5
MESSAGE_BYTES = 40


class UnknownReportError(Exception):
    """No such report was ever asked for."""


def request_report(
    dynamodb: DynamoDBClient,
    environment: ReportProviderEnvironment,
    request: ReportRequest,
    now_s: int,
) -> ReportRequested:
    """The report of this request key, begun now or earlier."""
    report_id = f"r-{hashlib.sha256(request['requestKey'].encode()).hexdigest()[:16]}"
    size = max(1, min(request["size"], MINUTES_MAX))
    different = _item(dynamodb, environment, f"#{request['accountId']}") or {}
    item: Item = {
        "reportId": {"S": report_id},
        "requestedAt": {"N": str(now_s)},
        "readyAfterSeconds": {"N": str(60 * size)},
        "messages": {"N": str(MESSAGES_PER_SIZE * size)},
        "messageBytes": {"N": str(MESSAGE_BYTES)},
        "bucket": {"S": request["deliverTo"]["bucket"]},
        "key": {"S": request["deliverTo"]["key"]},
    }
    item |= {name: value for name, value in different.items() if name != "reportId"}
    # Asked again, the report is on its way since the first request.
    with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(
            TableName=environment.report_requests_table,
            Item=item,
            ConditionExpression="attribute_not_exists(reportId)",
        )
    return ReportRequested(reportId=report_id)


def fetch_report(
    dynamodb: DynamoDBClient,
    s3: S3Client,
    environment: ReportProviderEnvironment,
    report_id: str,
    now_s: int,
) -> FetchAnswer:
    """Delivers the report when it is ready; a second delivery puts the same object again."""
    item = _item(dynamodb, environment, report_id)
    if item is None:
        raise UnknownReportError(report_id)
    if "refusedBecause" in item:
        return FetchAnswer(status="REFUSED", reason=item["refusedBecause"]["S"])
    if now_s < int(item["requestedAt"]["N"]) + int(item["readyAfterSeconds"]["N"]):
        return FetchAnswer(status="PENDING")
    location = Location(bucket=item["bucket"]["S"], key=item["key"]["S"])
    s3.put_object(
        Bucket=location["bucket"],
        Key=location["key"],
        Body=json.dumps(write_report(report_id, item)).encode(),
        ContentType="application/json",
    )
    return FetchAnswer(status="READY", location=location)


def write_report(report_id: str, item: Item) -> Report:
    text = "x" * int(item["messageBytes"]["N"])
    messages: list[object] = [
        {"line": line, "text": text} for line in range(1, int(item["messages"]["N"]) + 1)
    ]
    return Report(reportId=report_id, messages=messages)


def _item(
    dynamodb: DynamoDBClient, environment: ReportProviderEnvironment, report_id: str
) -> Item | None:
    answer = dynamodb.get_item(
        TableName=environment.report_requests_table,
        Key={"reportId": {"S": report_id}},
        ConsistentRead=True,
    )
    return answer.get("Item")
