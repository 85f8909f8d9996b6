"""The cost guard: its targets, their budgets, its schedule, whom it tells; and in dev a loop to try
it on.

The context `costBudgets` changes budgets: `{"Normalize": {"starts": 500}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from stacks.alarms import alarm_on_machine, alarm_on_messages
from stacks.control_stack import ControlStack
from stacks.filter_chain_stack import FilterChainStack
from stacks.queues import dead_letter_queue
from stacks.sandbox_loop import SandboxLoop
from stacks.stage import Stage
from stacks.tables import table
from stacks.views_stack import ViewsStack
from workflows.cost_guard import CostGuard
from workflows.cost_memory import STOPPED_KEY
from workflows.cost_target import BUDGETS, CostTarget
from workflows.function import ThinFunction
from workflows.machine import Machine
from workflows.schedule import schedule_machine

EVERY = cdk.Duration.minutes(15)
SLOW = timedelta(minutes=5)

T = TypeVar("T", bound=IConstruct)


class CostGuardStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        control: ControlStack,
        filters: FilterChainStack,
        views: ViewsStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        targets = [*_filter_targets(filters), *_view_targets(views)]
        if stage.has_sandbox:
            loop = SandboxLoop(self, "SandboxLoop", removal_policy=removal)
            targets.append(CostTarget("Loop", loop.function, mapping_of(loop.function), 100, 50))
        people = sns.Topic(self, "CostPeople", enforce_ssl=True)
        guard = CostGuard(
            self,
            "CostGuard",
            targets=targets,
            budgets=read_budgets(
                self.node.try_get_context("costBudgets") or {}, [one.name for one in targets]
            ),
            stopped=table(self, "Stopped", partition_key=STOPPED_KEY, removal_policy=removal),
            leases=control.leases,
            audits=control.audit,
            people=people,
            removal_policy=removal,
        )
        lost_starts = dead_letter_queue(self, "LostCostChecks", removal_policy=removal)
        schedule_machine(
            guard,
            "Every15Minutes",
            machine=guard.machine,
            expression=scheduler.ScheduleExpression.rate(EVERY),
            description="Looks for what starts far more often than it may",
            machine_input={"startedBy": "schedule"},
            lost_starts=lost_starts,
            max_event_age=EVERY,
            removal_policy=removal,
        )
        alarm_on_messages(lost_starts)
        alarm_on_machine(guard.machine, slow_after=SLOW)
        cdk.CfnOutput(self, "CostGuardMachineArn", value=guard.machine.arn)
        cdk.CfnOutput(self, "CostPeopleTopicArn", value=people.topic_arn)


def _filter_targets(filters: FilterChainStack) -> list[CostTarget]:
    """The chain sends events to the bus that it gets them from."""
    return [
        CostTarget(name, function, mapping_of(function), starts_max=20_000, notice_from=2_000)
        for name in ("Normalize", "Redact", "Classify")
        for function in [only(filters, name, ThinFunction)]
    ]


def _view_targets(views: ViewsStack) -> list[CostTarget]:
    """The Sweep finds what the rule of the Recorder misses while it is off."""
    recompute, recorder = (
        views.node.find_child(name) for name in ("RecomputeView", "ViewRecorder")
    )
    return [
        CostTarget(
            "RecomputeView",
            only(recompute, "RecomputeView", Machine),
            only(recompute, "Nightly", scheduler.Schedule),
            starts_max=20,
            notice_from=10,
            transitions=25,
            passed_role=only(recompute, "ScheduleRole", iam.Role),
        ),
        CostTarget(
            "ViewRecorder",
            only(recorder, "ViewRecorder", Machine),
            only(recorder, "FailedRuns", events.Rule),
            starts_max=500,
            notice_from=100,
            transitions=10,
        ),
    ]


def mapping_of(function: ThinFunction) -> lambda_.EventSourceMapping:
    [found] = [
        one for one in function.node.find_all() if isinstance(one, lambda_.EventSourceMapping)
    ]
    return found


def only(scope: IConstruct, name: str, kind: type[T]) -> T:
    """The one construct of that name and kind."""
    [found] = [
        one for one in scope.node.find_all() if isinstance(one, kind) and one.node.id == name
    ]
    return found


def read_budgets(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Of the context, by target; ValueError for what there is not."""
    for name, budget in given.items():
        if name not in names:
            raise ValueError(
                f"costBudgets: there is no target {name}; there are {', '.join(names)}"
            )
        if unknown := budget.keys() - set(BUDGETS):
            raise ValueError(
                f"costBudgets.{name}: there is no {', '.join(sorted(unknown))}; "
                f"there are {', '.join(BUDGETS)}"
            )
    return {name: {of: int(most) for of, most in one.items()} for name, one in given.items()}
