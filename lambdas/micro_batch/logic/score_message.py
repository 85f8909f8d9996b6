"""Scores the lines of one message, and counts each line once however often its message comes.

Strategy: the part's results and the job's count are written in one transaction, on the condition
that the part is new. Lines that failed while others did not are noted with the part as open and
sent on alone, so that they hold up no other line; whoever finds the part recorded sends its open
lines again. A line that is alone, and a message of which nothing was scored, is the queue's to try
again: it ends among the dead letters with its line numbers. The count stands in shards, so that
messages next to each other do not wait for one another's transaction.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.micro_batch.errors import ScoreServiceUnavailable
from lambdas.micro_batch.logic.score_line import score_line
from lambdas.micro_batch.logic.score_service import ScoreService
from lambdas.micro_batch.logic.work_queue import send_messages, work_message
from lambdas.micro_batch.payloads import Line, LineResult, WorkMessage

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sqs import SQSClient

    from lambdas.micro_batch.environments import ScoreMessageEnvironment

SHARDS = 50
SENT_ON_AFTER_SECONDS = 60


def score_message(
    service: ScoreService,
    dynamodb: DynamoDBClient,
    sqs: SQSClient,
    environment: ScoreMessageEnvironment,
    message: WorkMessage,
) -> list[LineResult]:
    """What this call has recorded; nothing where the part was recorded before."""
    results, failed, reason = _score(service, message["lines"])
    if failed and (not results or len(message["lines"]) == 1):
        raise ScoreServiceUnavailable(reason)
    recorded = _record(dynamodb, environment, message, results, failed)
    if recorded is not None:
        failed, results = recorded, []
    send_messages(
        sqs,
        environment.work_queue,
        (work_message(message["jobId"], [line]) for line in failed),
        delay_seconds=SENT_ON_AFTER_SECONDS,
    )
    return results


def _score(service: ScoreService, lines: list[Line]) -> tuple[list[LineResult], list[Line], str]:
    """The results, the lines without one, and why the last of them has none."""
    results, failed, reason = [], [], ""
    for line in lines:
        try:
            results.append(score_line(service, line))
        except ScoreServiceUnavailable as error:
            failed.append(line)
            reason = f"line {line['line']}: {error}"
    return results, failed, reason


def _record(
    dynamodb: DynamoDBClient,
    environment: ScoreMessageEnvironment,
    message: WorkMessage,
    results: list[LineResult],
    failed: list[Line],
) -> list[Line] | None:
    """None when this call has recorded the part; else the open lines that it was recorded with."""
    scored = sum("score" in result for result in results)
    shard = message["lines"][0]["line"] // len(message["lines"]) % SHARDS + 1
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": environment.parts_table,
                        "Item": {
                            "part": {"S": message["part"]},
                            "results": {"S": json.dumps(results)},
                            "open": {"S": json.dumps(failed)},
                        },
                        "ConditionExpression": "attribute_not_exists(part)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
                {
                    "Update": {
                        "TableName": environment.jobs_table,
                        "Key": {"jobId": {"S": message["jobId"]}, "shard": {"N": str(shard)}},
                        "UpdateExpression": "ADD scored :scored, refused :refused",
                        "ExpressionAttributeValues": {
                            ":scored": {"N": str(scored)},
                            ":refused": {"N": str(len(results) - scored)},
                        },
                    }
                },
            ]
        )
    except ClientError as error:
        reason, *_ = cast(Any, error.response).get("CancellationReasons") or [{}]
        if reason.get("Code") != "ConditionalCheckFailed":
            raise
        was_open: list[Line] = json.loads(reason["Item"]["open"]["S"])
        return was_open
    return None
