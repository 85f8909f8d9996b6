"""What the cost guard watches: what is counted, what starts it, and what it may cost in a window.

Standard workflows have no metric of state transitions for one machine: they are counted as the
executions started times the transitions of one execution, which each target states.
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler

from workflows.function import ThinFunction
from workflows.machine import Machine

MAPPING = "MAPPING"
SCHEDULE = "SCHEDULE"
RULE = "RULE"
# Of what a budget is.
BUDGETS = ("starts", "transitions")

Starter = lambda_.EventSourceMapping | scheduler.Schedule | events.Rule


@dataclass(frozen=True, slots=True)
class CostTarget:
    """`counted` is the function or the machine whose starts are counted; a function is stopped
    itself, too. `starts_max` is the budget of a window, and fewer than `notice_from` are never
    unusual. `passed_role` is the role of a schedule, which whoever changes it passes on."""

    name: str
    counted: ThinFunction | Machine
    starter: Starter
    starts_max: int
    notice_from: int
    transitions: int = 0
    passed_role: iam.IRole | None = None

    @property
    def kind(self) -> str:
        match self.starter:
            case lambda_.EventSourceMapping():
                return MAPPING
            case scheduler.Schedule():
                return SCHEDULE
            case _:
                return RULE

    @property
    def starter_arn(self) -> str:
        match self.starter:
            case lambda_.EventSourceMapping():
                return self.starter.event_source_mapping_arn
            case scheduler.Schedule():
                return self.starter.schedule_arn
            case _:
                return self.starter.rule_arn

    @property
    def function(self) -> lambda_.Function | None:
        return self.counted.function if isinstance(self.counted, ThinFunction) else None

    def metric(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
        match self.counted:
            case ThinFunction():
                namespace, name = "AWS/Lambda", "Invocations"
                dimension = ("FunctionName", self.counted.aws_name)
            case _:
                namespace, name = "AWS/States", "ExecutionsStarted"
                dimension = ("StateMachineArn", self.counted.arn)
        return {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}],
        }

    def described(self, budgets: Mapping[str, int]) -> dict[str, Any]:
        budget = {
            "starts": self.starts_max,
            "transitions": self.starts_max * self.transitions,
            **budgets,
        }
        return {
            "name": self.name,
            "unit": "invocations" if self.function else "executions",
            "metric": self.metric(),
            "kind": self.kind,
            "starterArn": self.starter_arn,
            "function": self.function.function_name if self.function else "",
            "transitionsEach": self.transitions,
            "budget": budget,
            "noticeFrom": self.notice_from,
        }
