"""Answers a task's token with what a message says.

A token that is over (answered before, timed out, nobody's) is no error: messages come twice and
late. A message that can never complete anything goes to the dead letters, with the reason in the
attribute `why`; what another attempt may mend is left to the queue.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import fastjsonschema
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

    from lambdas.completion.environments import CompleteTaskEnvironment
    from lambdas.completion.payloads import Completion

OVER = "OVER"
BAD = "BAD"
WHY_CHARACTERS_MAX = 500
TOKEN_IS_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
# The message's own fault: an output that is too large, for instance.
NEVER_TAKEN = frozenset({"InvalidOutput", "ValidationException"})

_check_schema = fastjsonschema.compile(
    json.loads((Path(__file__).parents[1] / "completion.schema.json").read_text("utf-8"))
)


class BadCompletionError(Exception):
    """Says what is wrong with the message."""


@dataclass(frozen=True, slots=True)
class Clients:
    step_functions: SFNClient
    dynamodb: DynamoDBClient
    sqs: SQSClient


def complete_task(
    clients: Clients, environment: CompleteTaskEnvironment, body: str, now: datetime
) -> str:
    """The completion's status, OVER, or BAD."""
    try:
        completion = checked_completion(body)
        if not answer_token(clients.step_functions, completion):
            return OVER
    except BadCompletionError as error:
        clients.sqs.send_message(
            QueueUrl=environment.bad_completions,
            MessageBody=body,
            MessageAttributes={
                "why": {"DataType": "String", "StringValue": str(error)[:WHY_CHARACTERS_MAX]}
            },
        )
        return BAD
    if completion["status"] == "IN_PROGRESS" and "taskId" in completion:
        note_heartbeat(clients.dynamodb, environment, completion["taskId"], now)
    return completion["status"]


def checked_completion(body: str) -> Completion:
    """BadCompletionError names the field that does not fit."""
    try:
        completion: Completion = _check_schema(json.loads(body), name_prefix="completion")
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "message", "") or f"it is no JSON: {error}"
        raise BadCompletionError(reason) from error
    return completion


def answer_token(step_functions: SFNClient, completion: Completion) -> bool:
    """Whether somebody waited for it."""
    token = completion["taskToken"]
    try:
        match completion["status"]:
            case "COMPLETED":
                output = json.dumps(completion["output"], ensure_ascii=False)
                step_functions.send_task_success(taskToken=token, output=output)
            case "FAILED":
                step_functions.send_task_failure(
                    taskToken=token,
                    error=completion["error"],
                    cause=completion.get("cause", ""),
                )
            case "IN_PROGRESS":
                step_functions.send_task_heartbeat(taskToken=token)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in NEVER_TAKEN:
            raise BadCompletionError(str(error)) from error
        if code not in TOKEN_IS_OVER:
            raise
        return False
    return True


def note_heartbeat(
    dynamodb: DynamoDBClient, environment: CompleteTaskEnvironment, task_id: str, now: datetime
) -> None:
    """In the list of waiting tasks, unless it waits no more."""
    try:
        dynamodb.update_item(
            TableName=environment.waiting_tasks_table,
            Key={"taskId": {"S": task_id}},
            UpdateExpression="SET heartbeatAt = :now",
            ConditionExpression="attribute_exists(taskId)",
            ExpressionAttributeValues={":now": {"S": now.isoformat(timespec="seconds")}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
