"""What is on: the cost guard reads what starts its target, and the concurrency of its function.

It looks before it plans, and once more right before each switch that it turns. What somebody has
deleted is off, and told.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.cost_target import MAPPING, RULE, SCHEDULE, CostTarget
from workflows.durations import timeout
from workflows.jsonata import is_true, jsonata
from workflows.retry_policy import (
    LAMBDA_SDK_FAULTS,
    SCHEDULER_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
    service_faults,
)

TIME_OUT = timeout(30)
EVENTBRIDGE_SDK_FAULTS = service_faults(
    "EventBridge.ConcurrentModificationException",
    "EventBridge.EventBridgeException",
    "EventBridge.InternalException",
    "EventBridge.SdkClientException",
)
# Mappings spell their states otherwise, and have some on the way.
IS_ON = {"isOn": jsonata("$not($uppercase($states.result.State) in ['DISABLED', 'DISABLING'])")}

UUID = {"Uuid": jsonata("$split($target.starterArn, ':')[6]")}
FUNCTION = {"FunctionName": jsonata("$target.function")}
# A rule's ARN ends in rule/NAME, or in rule/BUS/NAME.
RULE_KEY = {
    "Name": jsonata("$split($target.starterArn, '/')[-1]"),
    "EventBusName": jsonata(
        "($parts := $split($target.starterArn, '/'); $count($parts) = 3 ? $parts[1] : 'default')"
    ),
}


class CostLook(Construct):
    """Goes on to `looked` with `$isOn` and `$concurrency` (-1 where none is reserved), and with
    `$gone`, what there is no more. `tasks` have no last Catch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[CostTarget],
        looked: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        self.start = how_started = sfn.Choice.jsonata(self, "HowStarted")
        read_mapping = call(
            self,
            "ReadMapping",
            "lambda:GetEventSourceMapping",
            started_by(targets, MAPPING),
            UUID,
            LAMBDA_SDK_FAULTS,
            assign=IS_ON,
        )
        read_schedule = call(
            self,
            "ReadSchedule",
            "scheduler:GetSchedule",
            started_by(targets, SCHEDULE),
            {
                "GroupName": jsonata("$split($target.starterArn, '/')[1]"),
                "Name": jsonata("$split($target.starterArn, '/')[2]"),
            },
            SCHEDULER_SDK_FAULTS,
            assign={**IS_ON, "schedule": jsonata("$states.result")},
        )
        read_rule = call(
            self,
            "ReadRule",
            "events:DescribeRule",
            started_by(targets, RULE),
            RULE_KEY,
            EVENTBRIDGE_SDK_FAULTS,
            assign=IS_ON,
        )
        has_function = sfn.Choice.jsonata(self, "HasFunction")
        read_concurrency = call(
            self,
            "ReadConcurrency",
            "lambda:GetFunctionConcurrency",
            functions_of(targets),
            FUNCTION,
            LAMBDA_SDK_FAULTS,
            assign={
                "concurrency": jsonata(
                    "$exists($states.result.ReservedConcurrentExecutions)"
                    " ? $states.result.ReservedConcurrentExecutions : -1"
                )
            },
        )
        self.tasks = (read_mapping, read_schedule, read_rule, read_concurrency)

        for read, service in (
            (read_mapping, "Lambda"),
            (read_schedule, "Scheduler"),
            (read_rule, "EventBridge"),
        ):
            read.add_catch(
                has_function,
                errors=[f"{service}.ResourceNotFoundException"],
                assign={"isOn": False, "gone": jsonata("$target.starterArn")},
            )
            read.next(has_function)
        read_concurrency.add_catch(
            looked,
            errors=["Lambda.ResourceNotFoundException"],
            assign={"concurrency": -1, "gone": jsonata("$target.function")},
        )
        how_started.when(is_kind(MAPPING), read_mapping).when(
            is_kind(SCHEDULE), read_schedule
        ).otherwise(read_rule)
        has_function.when(is_true("$target.function = ''"), looked).otherwise(read_concurrency)
        read_concurrency.next(looked)


def is_kind(kind: str) -> sfn.Condition:
    return is_true(f"$target.kind = '{kind}'")


def started_by(targets: Sequence[CostTarget], kind: str) -> list[str]:
    """The ARNs of what starts the targets of that kind."""
    return [one.starter_arn for one in targets if one.kind == kind]


def functions_of(targets: Sequence[CostTarget]) -> list[str]:
    return [one.function.function_arn for one in targets if one.function]


def call(
    scope: Construct,
    state: str,
    action: str,
    resources: Sequence[str],
    parameters: Mapping[str, Any],
    *retries: RetryClass,
    assign: Mapping[str, Any],
) -> tasks.CallAwsService:
    """One call; `action` is IAM's name of it."""
    prefix, name = action.split(":")
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="eventbridge" if prefix == "events" else prefix,
        action=f"{name[0].lower()}{name[1:]}",
        iam_action=action,
        iam_resources=list(resources),
        parameters=parameters,
        task_timeout=TIME_OUT,
        assign=assign,
    )
    retry(task, *retries, TIME_OUTS)
    return task
