"""The heartbeat of one of the app's own functions: is it there, can it be called, and is the name
of its service the app's?

A function that is not well, or whose name is another's, is told and left to expire.
https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.registry.payloads import APP, HEARTBEATS_MISSED_MAX, SERVICE, TTL_AFTER_SECONDS
from workflows.durations import timeout
from workflows.jsonata import is_true, jsonata
from workflows.retry_policy import DYNAMODB_SDK_FAULTS, LAMBDA_SDK_FAULTS, TIME_OUTS, retry

EVERY = cdk.Duration.minutes(15)
LIVES_SECONDS = HEARTBEATS_MISSED_MAX * int(EVERY.to_seconds())
TASK_SECONDS_MAX = 30
TIME_OUT = timeout(TASK_SECONDS_MAX)
REFUSED = "DynamoDb.TransactionCanceledException"

NOW = "$floor($millis() / 1000)"
# "Inactive" is one that Lambda has put aside as idle: a call wakes it. With a reserved
# concurrency of 0 nobody can call one.
# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
IS_WELL = "$state in ['Active', 'Inactive'] and $not($concurrency = 0)"


class FunctionHeartbeat(Construct):
    """`start` is the first state for one function, {service, function}; its output has a `problem`
    where it was not heard. `functions` are those that may be asked for."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        table: dynamodb.ITable,
        functions: Iterable[lambda_.IFunction],
    ) -> None:
        super().__init__(scope, construct_id)
        self._table = table
        read_function = tasks.CallAwsService.jsonata(
            self,
            "ReadFunction",
            service="lambda",
            action="getFunction",
            iam_resources=[function.function_arn for function in functions],
            parameters={"FunctionName": jsonata("$states.input.function")},
            task_timeout=TIME_OUT,
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
        why: Any = {
            "assign": {"problem": jsonata("$states.errorOutput.Error")},
            "outputs": jsonata("$states.input"),
        }
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
        read_function.add_catch(not_heard, **why)
        # Another's name, or no answer about it. What else ends the writing, ends it for all: the
        # next run makes up for this one.
        write_heartbeat.add_catch(not_heard, errors=[REFUSED], **why)

        read_function.next(is_well.when(is_true(IS_WELL), write_heartbeat).otherwise(not_heard))
        self.start: sfn.State = read_function

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
            task_timeout=TIME_OUT,
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
