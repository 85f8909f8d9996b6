"""The switches of the cost guard: what starts a target (a mapping, a schedule or a rule) is turned
off and on, and its function gets no concurrency or gets back what it had.

None of these calls can be made conditional, so each is made only where what was read right before
is not yet as wanted; and each says the whole truth, so that it may be repeated.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.cost_target import MAPPING, RULE, SCHEDULE, CostTarget
from workflows.jsonata import jsonata
from workflows.retry_policy import (
    LAMBDA_SDK_FAULTS,
    SCHEDULER_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
    service_faults,
)

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))
EVENTBRIDGE_SDK_FAULTS = service_faults(
    "EventBridge.ConcurrentModificationException",
    "EventBridge.EventBridgeException",
    "EventBridge.InternalException",
    "EventBridge.SdkClientException",
)
# A mapping that is still being turned on or off.
IN_USE = service_faults("Lambda.ResourceInUseException")
# What GetSchedule answers and UpdateSchedule takes; it replaces all of a schedule.
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
SCHEDULE_FIELDS = (
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "Target",
)

UUID = {"Uuid": jsonata("$split($target.starterArn, ':')[6]")}
FUNCTION = {"FunctionName": jsonata("$target.function")}
# A rule's ARN ends in rule/NAME, or in rule/BUS/NAME.
RULE_KEY = {
    "Name": jsonata("$split($target.starterArn, '/')[-1]"),
    "EventBusName": jsonata(
        "($parts := $split($target.starterArn, '/'); $count($parts) = 3 ? $parts[1] : 'default')"
    ),
}


class CostSwitches(Construct):
    """Reading assigns `isOn`, and `concurrency` (-1 where none is reserved); `$wanted` says
    whether the starter is to be on, and what the function is to have."""

    def __init__(self, scope: Construct, targets: Sequence[CostTarget]) -> None:
        super().__init__(scope, "Switches")
        mappings, schedules, rules = (
            [one.starter_arn for one in targets if one.kind == kind]
            for kind in (MAPPING, SCHEDULE, RULE)
        )
        functions = [one.function.function_arn for one in targets if one.function]

        def of_lambda(
            state: str, action: str, resources: list[str], parameters: Mapping[str, Any]
        ) -> tasks.CallAwsService:
            retries = (LAMBDA_SDK_FAULTS, IN_USE) if "Mapping" in action else (LAMBDA_SDK_FAULTS,)
            return self._call(state, "lambda", action, resources, parameters, *retries)

        def of_rules(state: str, action: str) -> tasks.CallAwsService:
            return self._call(state, "eventbridge", action, rules, RULE_KEY, EVENTBRIDGE_SDK_FAULTS)

        self.read_mapping = of_lambda("ReadMapping", "getEventSourceMapping", mappings, UUID)
        self.read_schedule = self._call(
            "ReadSchedule",
            "scheduler",
            "getSchedule",
            schedules,
            {
                "GroupName": jsonata("$split($target.starterArn, '/')[1]"),
                "Name": jsonata("$split($target.starterArn, '/')[2]"),
            },
            SCHEDULER_SDK_FAULTS,
            assign={
                "isOn": jsonata("$states.result.State = 'ENABLED'"),
                "schedule": jsonata("$states.result"),
            },
        )
        self.read_rule = of_rules("ReadRule", "describeRule")
        self.read_concurrency = self._call(
            "ReadConcurrency",
            "lambda",
            "getFunctionConcurrency",
            functions,
            FUNCTION,
            LAMBDA_SDK_FAULTS,
            assign={
                "concurrency": jsonata(
                    "$exists($states.result.ReservedConcurrentExecutions)"
                    " ? $states.result.ReservedConcurrentExecutions : -1"
                )
            },
        )
        self.set_mapping = of_lambda(
            "SetMapping",
            "updateEventSourceMapping",
            mappings,
            {**UUID, "Enabled": jsonata("$wanted.isOn")},
        )
        self.set_schedule = self._set_schedule()
        self.enable_rule = of_rules("EnableRule", "enableRule")
        self.disable_rule = of_rules("DisableRule", "disableRule")
        self.put_concurrency = of_lambda(
            "PutConcurrency",
            "putFunctionConcurrency",
            functions,
            {**FUNCTION, "ReservedConcurrentExecutions": jsonata("$wanted.concurrency")},
        )
        self.delete_concurrency = of_lambda(
            "DeleteConcurrency", "deleteFunctionConcurrency", functions, FUNCTION
        )
        self._schedules = schedules
        self._roles = [one.passed_role.role_arn for one in targets if one.passed_role]

    def all(self) -> tuple[tasks.CallAwsService | sfn.CustomState, ...]:
        return (
            self.read_mapping,
            self.read_schedule,
            self.read_rule,
            self.read_concurrency,
            self.set_mapping,
            self.set_schedule,
            self.enable_rule,
            self.disable_rule,
            self.put_concurrency,
            self.delete_concurrency,
        )

    def grant_to(self, machine: sfn.StateMachine) -> None:
        """What the CDK cannot know: SetSchedule is written by hand."""
        machine.add_to_role_policy(
            iam.PolicyStatement(actions=["scheduler:UpdateSchedule"], resources=self._schedules)
        )
        machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=self._roles,
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            )
        )

    def _set_schedule(self) -> sfn.CustomState:
        """All that was read, and whether it is on."""
        task = sfn.CustomState(
            self,
            "SetSchedule",
            state_json={
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:scheduler:updateSchedule",
                "Arguments": jsonata(
                    f"""$merge([
                    $sift($schedule, function($value, $field) {{
                        $field in {list(SCHEDULE_FIELDS)}
                    }}),
                    {{'State': $wanted.isOn ? 'ENABLED' : 'DISABLED'}}
                    ])"""
                ),
                "TimeoutSeconds": 30,
            },
        )
        retry(task, SCHEDULER_SDK_FAULTS, TIME_OUTS)
        return task

    def _call(
        self,
        state: str,
        service: str,
        action: str,
        resources: list[str],
        parameters: Mapping[str, Any],
        *retries: RetryClass,
        assign: Mapping[str, Any] | None = None,
    ) -> tasks.CallAwsService:
        prefix = "events" if service == "eventbridge" else service
        if assign is None and not action.startswith(("get", "describe")):
            assign = {}
        task = tasks.CallAwsService.jsonata(
            self,
            state,
            service=service,
            action=action,
            iam_action=f"{prefix}:{action[0].upper()}{action[1:]}",
            iam_resources=resources,
            parameters=parameters,
            task_timeout=TIME_OUT,
            assign=IS_ON if assign is None else assign,
        )
        retry(task, *retries, TIME_OUTS)
        return task


# Mappings spell their states otherwise, and have some on the way.
IS_ON = {"isOn": jsonata("$not($uppercase($states.result.State) in ['DISABLED', 'DISABLING'])")}
