"""The KeepRegistry machine: heartbeats for the app's own functions, and the sweep of what has gone.

Each run writes the heartbeat of each registered function that is well (function_heartbeat.py). Then
it removes the instances that have been overdue for a while, each by a conditional delete, so that a
heartbeat that comes meanwhile wins. A deployment starts a run, so a function is registered when it
is deployed; a schedule starts the others.

Express: it takes seconds and may be done twice. Its outer net is the next run, and an alarm on runs
that fail, as one does that could not hear a function.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.registry.payloads import REMOVED_AFTER_SECONDS
from workflows.attribute_values import number, text
from workflows.dead_letter import CONDITION_FAILED
from workflows.function_heartbeat import NOW, TASK_SECONDS_MAX, TIME_OUT, FunctionHeartbeat
from workflows.jsonata import is_true, jsonata
from workflows.machine import express_machine
from workflows.retry_policy import DYNAMODB_FAULTS, DYNAMODB_SDK_FAULTS, TIME_OUTS, retry

MACHINE_TIME_OUT = cdk.Duration.minutes(5)
FUNCTIONS_AT_ONCE = 5
# Keys only: a page of them fits a state.
ITEMS_PER_PAGE = 100


class KeepRegistry(Construct):
    """`functions` are the app's own, by the names of their services; `table` is the registry's."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table: dynamodb.ITable,
        functions: Mapping[str, lambda_.IFunction],
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._table = table

        heartbeats = sfn.Map.jsonata(
            self,
            "Heartbeats",
            items=sfn.ProvideItems.json_array(
                [
                    {"service": service, "function": function.function_name}
                    for service, function in functions.items()
                ]
            ),
            max_concurrency=FUNCTIONS_AT_ONCE,
            assign={
                "unheard": jsonata("[$states.result[$exists(problem)]]"),
                "lastKey": jsonata("null"),
            },
        ).item_processor(FunctionHeartbeat(self, "Heartbeat", table, functions.values()).start)

        find_overdue = self._find_overdue()
        remove_each = sfn.Map.jsonata(
            self,
            "RemoveEach",
            items=sfn.ProvideItems.jsonata(jsonata("$states.input")),
            max_concurrency=FUNCTIONS_AT_ONCE,
        ).item_processor(self._remove())

        all_read = sfn.Choice.jsonata(self, "AllRead")
        all_heard = sfn.Choice.jsonata(self, "AllHeard")
        kept = sfn.Succeed.jsonata(self, "Kept", outputs={})
        unheard = sfn.Fail.jsonata(
            self, "Unheard", error="FunctionsUnheard", cause=jsonata("$string($unheard)")
        )

        story = heartbeats.next(find_overdue).next(remove_each).next(all_read)
        all_read.when(is_true("$lastKey = null"), all_heard).otherwise(find_overdue)
        all_heard.when(is_true("$count($unheard) = 0"), kept).otherwise(unheard)

        self.machine = express_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        table.grant(self.machine, "dynamodb:Scan", "dynamodb:PutItem", "dynamodb:UpdateItem")

    def _find_overdue(self) -> sfn.CustomState:
        """Raw: the key to go on from is there from the second page on, which only an expression
        can say."""
        state = sfn.CustomState(
            self,
            "FindOverdue",
            state_json={
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:dynamodb:scan",
                "Arguments": jsonata(
                    f"""$merge([{{
                    'TableName': '{self._table.table_name}',
                    'FilterExpression': 'expiresAt < :limit',
                    'ExpressionAttributeValues': {{
                        ':limit': {{'N': $string({NOW} - {REMOVED_AFTER_SECONDS})}}}},
                    'ProjectionExpression': '#service, #instance',
                    'ExpressionAttributeNames': {{
                        '#service': 'service', '#instance': 'instance'}},
                    'Limit': {ITEMS_PER_PAGE}
                    }}, $lastKey = null ? {{}} : {{'ExclusiveStartKey': $lastKey}}])"""
                ),
                "TimeoutSeconds": TASK_SECONDS_MAX,
                "Assign": {
                    "lastKey": jsonata(
                        "$exists($states.result.LastEvaluatedKey)"
                        " ? $states.result.LastEvaluatedKey : null"
                    )
                },
                "Output": jsonata(
                    "[$states.result.Items.{'service': service.S, 'instance': instance.S}]"
                ),
            },
        )
        retry(state, DYNAMODB_SDK_FAULTS, TIME_OUTS)
        return state

    def _remove(self) -> tasks.DynamoDeleteItem:
        remove = tasks.DynamoDeleteItem.jsonata(
            self,
            "Remove",
            table=self._table,
            key={
                "service": text(jsonata("$states.input.service")),
                "instance": text(jsonata("$states.input.instance")),
            },
            condition_expression="expiresAt < :limit",
            expression_attribute_values={
                ":limit": number(jsonata(f"$string({NOW} - {REMOVED_AFTER_SECONDS})"))
            },
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(remove, DYNAMODB_FAULTS, TIME_OUTS)
        heard_since = sfn.Pass.jsonata(self, "HeardSince", outputs={})
        remove.add_catch(heard_since, errors=[CONDITION_FAILED])
        return remove
