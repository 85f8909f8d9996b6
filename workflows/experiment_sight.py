"""What a fault experiment looks at: whether the alarm has rung since it began, whether a heal has
succeeded since, and how many letters there are.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.machine import Machine
from workflows.queue import Queue
from workflows.retry_policy import (
    CLOUDWATCH_SDK_FAULTS,
    SQS_SDK_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)

TIME_OUT = timeout(30)
HEALS_READ_MAX = 20


@dataclass(frozen=True, slots=True)
class ExperimentSight:
    """Tasks that read `$target` and `$since`. `heal` is the machine that should heal the targets,
    `letters` where their work ends that fails."""

    scope: Construct
    alarm_arns: Sequence[str]
    heal: Machine
    letters: Queue

    def read_alarm(self, state: str) -> tasks.CallAwsService:
        """Whether it rang since the beginning, also where it is quiet again."""
        return self._call(
            state,
            "cloudwatch",
            "describeAlarmHistory",
            "cloudwatch:DescribeAlarmHistory",
            list(self.alarm_arns),
            {
                "AlarmName": jsonata("$target.alarm"),
                "HistoryItemType": "StateUpdate",
                "StartDate": jsonata("$since"),
                "EndDate": jsonata("$now()"),
                "MaxRecords": 100,
            },
            {
                "rang": jsonata(
                    "$count($states.result.AlarmHistoryItems"
                    "[$contains(HistorySummary, 'to ALARM')]) > 0"
                )
            },
            CLOUDWATCH_SDK_FAULTS,
        )

    def read_heals(self, state: str) -> tasks.CallAwsService:
        return self._call(
            state,
            "sfn",
            "listExecutions",
            "states:ListExecutions",
            [self.heal.arn],
            {
                "StateMachineArn": self.heal.arn,
                "StatusFilter": "SUCCEEDED",
                "MaxResults": HEALS_READ_MAX,
            },
            {
                "heals": jsonata(
                    "$count($states.result.Executions[$toMillis(StartDate) >= $toMillis($since)])"
                )
            },
            STEP_FUNCTIONS_SDK_FAULTS,
        )

    def count_letters(self, state: str, variable: str) -> tasks.CallAwsService:
        """Into the variable."""
        return self._call(
            state,
            "sqs",
            "getQueueAttributes",
            "sqs:GetQueueAttributes",
            [self.letters.arn],
            {
                "QueueUrl": self.letters.url,
                "AttributeNames": ["ApproximateNumberOfMessages"],
            },
            {variable: jsonata("$number($states.result.Attributes.ApproximateNumberOfMessages)")},
            SQS_SDK_FAULTS,
        )

    def _call(
        self,
        state: str,
        service: str,
        action: str,
        iam_action: str,
        resources: list[str],
        parameters: dict[str, Any],
        assign: dict[str, Any],
        faults: RetryClass,
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service=service,
            action=action,
            iam_action=iam_action,
            iam_resources=resources,
            parameters=parameters,
            task_timeout=TIME_OUT,
            assign=assign,
        )
        retry(task, faults, TIME_OUTS)
        return task
