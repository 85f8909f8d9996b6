"""What was before a stop: the cost guard remembers it in a table before it turns anything off, and
forgets it when all is as it was.

An item is written and deleted only while it is what this run has read, or its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import number, text
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_ARN, jsonata
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

TIME_OUT = timeout(30)
STOPPED_KEY = "target"


KEY = {STOPPED_KEY: text(jsonata("$target.name"))}
IS_REMEMBERED = "$exists($stopped.isOn)"
# Both writes fail with CONDITION_FAILED where others have remembered something meanwhile.
IS_AS_READ = "attribute_not_exists(stoppedBy) OR stoppedBy = :me OR stoppedBy = :read"
WHO = {
    ":me": text(jsonata(EXECUTION_ARN)),
    ":read": text(jsonata(f"{IS_REMEMBERED} ? $stopped.by : 'nobody'")),
}


@dataclass(frozen=True, slots=True)
class CostMemory:
    """Tasks on the item of `$target`; `$stopped` is {isOn, by, concurrency}, or empty."""

    scope: Construct
    table: dynamodb.ITable

    def read(self) -> tasks.DynamoGetItem:
        task = tasks.DynamoGetItem.jsonata(
            self.scope,
            "ReadStopped",
            table=self.table,
            key=KEY,
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "stopped": jsonata(
                    """$exists($states.result.Item) ? {
                    'isOn': $states.result.Item.starter.S = 'ON',
                    'by': $states.result.Item.stoppedBy.S,
                    'concurrency': $number($states.result.Item.concurrency.N)
                    } : {}"""
                )
            },
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def remember(self) -> tasks.DynamoPutItem:
        task = tasks.DynamoPutItem.jsonata(
            self.scope,
            "Remember",
            table=self.table,
            item={
                **KEY,
                "starter": text(jsonata("$was.isOn ? 'ON' : 'OFF'")),
                "concurrency": number(jsonata("$string($was.concurrency)")),
                "stoppedAt": text(jsonata("$now()")),
                "stoppedBy": text(jsonata(EXECUTION_ARN)),
                "reason": text(jsonata("$why")),
                "wayBack": text(jsonata("$wayBack")),
            },
            condition_expression=IS_AS_READ,
            expression_attribute_values=WHO,
            task_timeout=TIME_OUT,
            assign={},
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def forget(self) -> tasks.DynamoDeleteItem:
        task = tasks.DynamoDeleteItem.jsonata(
            self.scope,
            "Forget",
            table=self.table,
            key=KEY,
            condition_expression=IS_AS_READ,
            expression_attribute_values=WHO,
            task_timeout=TIME_OUT,
            assign={},
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task
