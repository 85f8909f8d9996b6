"""The KeepRegistry machine: heartbeats for the app's own functions, and the sweep of what has gone.

Each run asks Lambda for each registered function whether it is there, and writes its heartbeat; a
function that is not well is left to expire. Then it removes the instances that have been overdue
for a while, each by a conditional delete, so that a heartbeat that comes meanwhile wins. A
deployment starts a run, so a function is registered when it is deployed; a schedule the others.

Express: it takes seconds and may be done twice. Its outer net is the next run, and an alarm on runs
that fail, as one does that could not hear a function.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks-event-bridge.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.registry.payloads import (
    APP,
    HEARTBEATS_MISSED_MAX,
    REMOVED_AFTER_SECONDS,
    SERVICE,
    TTL_AFTER_SECONDS,
)
from workflows.dead_letter import CONDITION_FAILED
from workflows.jsonata import jsonata
from workflows.machine import express_machine
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    DYNAMODB_SDK_FAULTS,
    LAMBDA_SDK_FAULTS,
    TIME_OUTS,
    retry,
)
from workflows.rule import start_on_events

EVERY = cdk.Duration.minutes(15)
LIVES_SECONDS = HEARTBEATS_MISSED_MAX * int(EVERY.to_seconds())
MACHINE_TIME_OUT = cdk.Duration.minutes(5)
TASK_SECONDS_MAX = 30
FUNCTIONS_AT_ONCE = 5
# Keys only: a page of them fits a state.
ITEMS_PER_PAGE = 100

NOW = "$floor($millis() / 1000)"
# "Inactive" is one that Lambda has put aside as idle: a call wakes it. With a reserved
# concurrency of 0 nobody can call one.
# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
IS_WELL = "$state in ['Active', 'Inactive'] and $not($concurrency = 0)"


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
        self._time_out = sfn.Timeout.duration(cdk.Duration.seconds(TASK_SECONDS_MAX))

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
        ).item_processor(self._heartbeat(list(functions.values())))

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
        all_read.when(sfn.Condition.jsonata(jsonata("$lastKey = null")), all_heard).otherwise(
            find_overdue
        )
        all_heard.when(sfn.Condition.jsonata(jsonata("$count($unheard) = 0")), kept).otherwise(
            unheard
        )

        self.machine = express_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        table.grant(self.machine, "dynamodb:Scan", "dynamodb:PutItem", "dynamodb:UpdateItem")

    def _heartbeat(self, functions: list[lambda_.IFunction]) -> sfn.Chain:
        read_function = tasks.CallAwsService.jsonata(
            self,
            "ReadFunction",
            service="lambda",
            action="getFunction",
            iam_resources=[function.function_arn for function in functions],
            parameters={"FunctionName": jsonata("$states.input.function")},
            task_timeout=self._time_out,
            assign={
                "state": jsonata("$states.result.Configuration.State"),
                "concurrency": jsonata(
                    "$exists($states.result.Concurrency)"
                    " ? $states.result.Concurrency.ReservedConcurrentExecutions : null"
                ),
                "problem": jsonata(
                    "$states.result.Configuration.State & ($exists($states.result.Concurrency)"
                    " ? ', reserved concurrency ' &"
                    " $states.result.Concurrency.ReservedConcurrentExecutions : '')"
                ),
            },
            outputs=jsonata("$states.input"),
        )
        retry(read_function, LAMBDA_SDK_FAULTS, TIME_OUTS)
        is_well = sfn.Choice.jsonata(self, "IsWell")
        write_heartbeat = self._write_heartbeat()
        not_heard = sfn.Pass.jsonata(
            self,
            "NotHeard",
            outputs={
                "service": jsonata("$states.input.service"),
                "problem": jsonata("$problem"),
            },
        )
        for task in (read_function, write_heartbeat):
            task.add_catch(
                not_heard,
                assign={"problem": jsonata("$states.errorOutput.Error")},
                outputs=jsonata("$states.input"),
            )
        return read_function.next(
            is_well.when(sfn.Condition.jsonata(jsonata(IS_WELL)), write_heartbeat).otherwise(
                not_heard
            )
        )

    def _write_heartbeat(self) -> tasks.CallAwsService:
        """The service's name is the app's, or was nobody's."""
        table, service = self._table.table_name, jsonata("$states.input.service")
        task = tasks.CallAwsService.jsonata(
            self,
            "WriteHeartbeat",
            service="dynamodb",
            action="transactWriteItems",
            iam_action="dynamodb:PutItem",
            iam_resources=[self._table.table_arn],
            parameters={
                "TransactItems": [
                    {
                        "Update": {
                            "TableName": table,
                            "Key": {"service": {"S": service}, "instance": {"S": SERVICE}},
                            "UpdateExpression": "SET #owner = :app",
                            "ConditionExpression": "attribute_not_exists(#owner) OR #owner = :app",
                            "ExpressionAttributeNames": {"#owner": "owner"},
                            "ExpressionAttributeValues": {":app": {"S": APP}},
                        }
                    },
                    {"Put": {"TableName": table, "Item": self._item(service)}},
                ]
            },
            task_timeout=self._time_out,
            outputs={},
        )
        retry(task, DYNAMODB_SDK_FAULTS, TIME_OUTS)
        return task

    def _item(self, service: str) -> dict[str, dict[str, str]]:
        """As `lambdas.registry.logic.keep_instance` writes one."""
        function = "$states.input.function"
        return {
            "service": {"S": service},
            "instance": {"S": jsonata(function)},
            "owner": {"S": APP},
            "found": {
                "S": jsonata(
                    f"$string({{'instance': {function}, 'function': {function}, 'metadata': {{}}}})"
                )
            },
            "livesSeconds": {"N": str(LIVES_SECONDS)},
            "expiresAt": {"N": jsonata(f"$string({NOW} + {LIVES_SECONDS})")},
            "removeAt": {"N": jsonata(f"$string({NOW} + {LIVES_SECONDS + TTL_AFTER_SECONDS})")},
        }

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
        text, number = (
            tasks.DynamoAttributeValue.from_string,
            tasks.DynamoAttributeValue.number_from_string,
        )
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
            task_timeout=self._time_out,
            outputs={},
        )
        retry(remove, DYNAMODB_FAULTS, TIME_OUTS)
        heard_since = sfn.Pass.jsonata(self, "HeardSince", outputs={})
        remove.add_catch(heard_since, errors=[CONDITION_FAILED])
        return remove


def keep_when_deployed(
    scope: Construct,
    machine: sfn.StateMachine,
    *,
    stacks: Iterable[cdk.Stack],
    lost_starts: sqs.IQueue,
) -> None:
    """Starts a run when one of the stacks has been created or updated."""
    stack = cdk.Stack.of(scope)
    start_on_events(
        scope,
        "Deployed",
        machine=machine,
        description="Stacks whose functions are in the registry were deployed",
        pattern=events.EventPattern(
            source=["aws.cloudformation"],
            detail_type=["CloudFormation Stack Status Change"],
            detail={
                "stack-id": [
                    {
                        "prefix": stack.format_arn(
                            service="cloudformation",
                            resource="stack",
                            resource_name=f"{one.stack_name}/",
                        )
                    }
                    for one in stacks
                ],
                "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
            },
        ),
        machine_input=events.RuleTargetInput.from_object({}),
        lost_events=lost_starts,
    )
