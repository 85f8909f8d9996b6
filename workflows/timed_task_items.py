"""What is known of each timed task: its item, whose status only changes from one that was expected.

SCHEDULED becomes STARTING when a run has claimed the task, or CANCELLED; STARTING becomes STARTED.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.timed_tasks.payloads import SCHEDULED, STARTING
from workflows.attribute_values import text
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, jsonata
from workflows.retry_policy import DYNAMODB_FAULTS, DYNAMODB_SDK_FAULTS, TIME_OUTS, retry

KEY = "taskId"
# What is due is found by these.
INDEX = "due"
INDEX_KEYS = ("status", "dueAt")
LISTED_MAX = 100
TIME_OUT = timeout(30)

STATUS = {"#status": "status"}


@dataclass(frozen=True, slots=True)
class TaskItems:
    """Tasks on the item of `$task`."""

    scope: Construct
    table: dynamodb.Table

    def record(self, state: str) -> tasks.DynamoPutItem:
        task = tasks.DynamoPutItem.jsonata(
            self.scope,
            state,
            table=self.table,
            item={
                **_key(),
                "status": text(SCHEDULED),
                "dueAt": text(jsonata("$task.dueAt")),
                "workflow": text(jsonata("$task.workflow")),
                "input": text(jsonata("$string($task.input)")),
                "request": text(jsonata(f"$string({EXECUTION_INPUT})")),
                "recordedAt": text(jsonata("$now()")),
                "recordedBy": text(jsonata(EXECUTION_ARN)),
            },
            condition_expression=f"attribute_not_exists({KEY})",
            task_timeout=TIME_OUT,
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def read(self, state: str) -> tasks.DynamoGetItem:
        task = tasks.DynamoGetItem.jsonata(
            self.scope,
            state,
            table=self.table,
            key=_key(),
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "found": jsonata(
                    """$not($exists($states.result.Item)) ? {} : $states.result.Item.{
                    'status': status.S,
                    'dueAt': dueAt.S,
                    'request': request.S,
                    'at': startedAt ? startedAt.S : cancelledAt ? cancelledAt.S : recordedAt.S
                    }"""
                )
            },
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def mark(
        self,
        state: str,
        update: str,
        condition: str,
        values: Mapping[str, tasks.DynamoAttributeValue],
        **more: object,
    ) -> tasks.DynamoUpdateItem:
        task = tasks.DynamoUpdateItem.jsonata(
            self.scope,
            state,
            table=self.table,
            key=_key(),
            update_expression=update,
            condition_expression=condition,
            expression_attribute_names=STATUS,
            expression_attribute_values=dict(values),
            task_timeout=TIME_OUT,
            **more,  # type: ignore[arg-type]
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def claim(self, state: str) -> tasks.DynamoUpdateItem:
        """From here on it is not cancelled any more. A run that died after this is followed by one
        that finds it STARTING, and goes on."""
        return self.mark(
            state,
            "SET #status = :starting",
            "#status IN (:scheduled, :starting)",
            {":starting": text(STARTING), ":scheduled": text(SCHEDULED)},
            return_values=tasks.DynamoReturnValues.ALL_NEW,
            assign={
                "task": {
                    "taskId": jsonata("$task.taskId"),
                    "workflow": jsonata("$states.result.Attributes.workflow.S"),
                    "input": jsonata("$states.result.Attributes.input.S"),
                }
            },
        )

    def list_due(self, state: str) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service="dynamodb",
            action="query",
            iam_action="dynamodb:Query",
            iam_resources=[f"{self.table.table_arn}/index/{INDEX}"],
            parameters={
                "TableName": self.table.table_name,
                "IndexName": INDEX,
                "KeyConditionExpression": "#status = :scheduled AND dueAt <= :until",
                "ExpressionAttributeNames": STATUS,
                "ExpressionAttributeValues": {
                    ":scheduled": {"S": SCHEDULED},
                    ":until": {"S": jsonata("$task.until ? $task.until : '9999'")},
                },
                "Limit": LISTED_MAX,
            },
            task_timeout=TIME_OUT,
            outputs={
                "due": jsonata(
                    """[$states.result.Items.{
                    'taskId': taskId.S, 'workflow': workflow.S, 'dueAt': dueAt.S
                    }]"""
                ),
                "more": jsonata("$exists($states.result.LastEvaluatedKey)"),
            },
        )
        retry(task, DYNAMODB_SDK_FAULTS, TIME_OUTS)
        return task


def _key() -> dict[str, tasks.DynamoAttributeValue]:
    return {KEY: text(jsonata("$task.taskId"))}
