"""How often a message went back to its consumer: an item for each message, with the runs that moved
it.

A move gives a message a new id, so its queue and the MD5 of its body name it. A set of runs counts
no move twice, and is known as long as the message may come again.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import number, text
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_NAME, jsonata
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

KEY = "message"
EXPIRE_BY = "expiresAt"
KEPT_DAYS = 30
TIME_OUT = timeout(30)


@dataclass(frozen=True, slots=True)
class MovedMessages:
    """Tasks on the item of `$letter` in `$queue`."""

    table: dynamodb.ITable

    def read(self, scope: Construct, state: str) -> tasks.DynamoGetItem:
        """Assigns `try`, how often it was moved, and `todo`: MOVE, or PARK after too many."""
        task = tasks.DynamoGetItem.jsonata(
            scope,
            state,
            table=self.table,
            key=_key(),
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "try": jsonata("$count($states.result.Item.runs.SS)"),
                "todo": jsonata(
                    "$count($states.result.Item.runs.SS) >= $request.maxTries ? 'PARK' : 'MOVE'"
                ),
            },
            outputs={},
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def count(self, scope: Construct, state: str) -> tasks.DynamoUpdateItem:
        """One more, by this run."""
        task = tasks.DynamoUpdateItem.jsonata(
            scope,
            state,
            table=self.table,
            key=_key(),
            update_expression=f"ADD runs :run SET {EXPIRE_BY} = :expires",
            expression_attribute_values={
                ":run": tasks.DynamoAttributeValue.from_string_set([jsonata(EXECUTION_NAME)]),
                ":expires": number(
                    jsonata(f"$string($floor($millis() / 1000) + {KEPT_DAYS * 86_400})")
                ),
            },
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task


def _key() -> dict[str, tasks.DynamoAttributeValue]:
    return {KEY: text(jsonata("$queue.name & ' ' & $letter.digest"))}
