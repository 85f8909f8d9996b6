"""The switches of the cost guard: what starts a target (a mapping, a schedule or a rule) is turned
off and on, and its function gets no concurrency or gets back what it had.

None of these calls takes a condition, so compare and set is the guard's: each switch is turned only
where what is read right before it is what was planned for; what is left is the time between two
states. Each call says the whole truth, so that it may be repeated.
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html
https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.cost_look import (
    EVENTBRIDGE_SDK_FAULTS,
    FUNCTION,
    RULE_KEY,
    UUID,
    call,
    functions_of,
    is_kind,
    started_by,
)
from workflows.cost_target import MAPPING, RULE, SCHEDULE, CostTarget
from workflows.jsonata import is_true, jsonata
from workflows.machine import Machine
from workflows.retry_policy import (
    LAMBDA_SDK_FAULTS,
    SCHEDULER_SDK_FAULTS,
    TIME_OUTS,
    retry,
    service_faults,
)

# A mapping that is still being turned on or off.
IN_USE = service_faults("Lambda.ResourceInUseException")
# What GetSchedule answers and UpdateSchedule takes; it replaces all of a schedule.
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

STARTER = "STARTER"
CONCURRENCY = "CONCURRENCY"

IS_TURNED = {
    "acted": True,
    "seen": jsonata("$merge([$seen, {'isOn': $wanted.isOn}])"),
}
IS_RESERVED = {
    "acted": True,
    "seen": jsonata("$merge([$seen, {'concurrency': $wanted.concurrency}])"),
}


class CostSwitches(Construct):
    """Turns the switch that `$phase` names to what `$wanted` says, and goes on to `turned` with
    that in `$seen`. `tasks` have no last Catch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[CostTarget],
        turned: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        self._schedules = started_by(targets, SCHEDULE)
        self._roles = [one.passed_role.role_arn for one in targets if one.passed_role]
        functions, rules = functions_of(targets), started_by(targets, RULE)

        self.start = turn = sfn.Choice.jsonata(self, "Turn")
        set_mapping = call(
            self,
            "SetMapping",
            "lambda:UpdateEventSourceMapping",
            started_by(targets, MAPPING),
            {**UUID, "Enabled": jsonata("$wanted.isOn")},
            LAMBDA_SDK_FAULTS,
            IN_USE,
            assign=IS_TURNED,
        )
        set_schedule = self._set_schedule()
        enable_rule, disable_rule = (
            call(self, state, action, rules, RULE_KEY, EVENTBRIDGE_SDK_FAULTS, assign=IS_TURNED)
            for state, action in (
                ("EnableRule", "events:EnableRule"),
                ("DisableRule", "events:DisableRule"),
            )
        )
        put_concurrency = call(
            self,
            "PutConcurrency",
            "lambda:PutFunctionConcurrency",
            functions,
            {**FUNCTION, "ReservedConcurrentExecutions": jsonata("$wanted.concurrency")},
            LAMBDA_SDK_FAULTS,
            assign=IS_RESERVED,
        )
        delete_concurrency = call(
            self,
            "DeleteConcurrency",
            "lambda:DeleteFunctionConcurrency",
            functions,
            FUNCTION,
            LAMBDA_SDK_FAULTS,
            assign=IS_RESERVED,
        )
        self.tasks = (
            *(set_mapping, set_schedule, enable_rule, disable_rule),
            *(put_concurrency, delete_concurrency),
        )

        turn.when(
            is_true(f"$phase = '{CONCURRENCY}' and $wanted.concurrency = -1"), delete_concurrency
        ).when(is_true(f"$phase = '{CONCURRENCY}'"), put_concurrency).when(
            is_kind(MAPPING), set_mapping
        ).when(is_kind(SCHEDULE), set_schedule).when(
            is_true("$wanted.isOn"), enable_rule
        ).otherwise(disable_rule)
        for task in self.tasks:
            task.next(turned)

    def grant_to(self, machine: Machine) -> None:
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
                "Assign": IS_TURNED,
            },
        )
        retry(task, SCHEDULER_SDK_FAULTS, TIME_OUTS)
        return task
