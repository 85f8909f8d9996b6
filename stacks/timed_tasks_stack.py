"""Delayed and timed tasks: the table of the tasks, their machine, and the group of their schedules.

It is made after the stacks whose workflows can be started.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct, IConstruct

from lambdas.timed_tasks.environments import CheckRequestEnvironment
from stacks.alarms import (
    alarm_on_functions,
    alarm_on_machine,
    alarm_on_messages,
    alarm_on_schedules,
)
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters
from stacks.prices import Prices
from stacks.stage import Stage
from stacks.tables import STRING, table
from workflows.function import TIMED_TASKS_PACKAGE, ThinFunction
from workflows.machine import Machine
from workflows.timed_task_items import INDEX, INDEX_KEYS, KEY
from workflows.timed_tasks import SOON, TimedTasks

SLOW = timedelta(minutes=SOON.to_minutes() + 5)
SLOW_NET = timedelta(minutes=4)


class TimedTasksStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        made: Sequence[IConstruct],
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        timed = table(self, "Tasks", partition_key=KEY, removal_policy=removal)
        status, due_at = INDEX_KEYS
        timed.add_global_secondary_index(
            index_name=INDEX,
            partition_key=dynamodb.Attribute(name=status, type=STRING),
            sort_key=dynamodb.Attribute(name=due_at, type=STRING),
        )
        dead_letters = DeadLetters(
            self,
            archive="TimedTaskLetters",
            letters="TimedTaskDeadLetters",
            prefix="TimedTask",
            removal_policy=removal,
        )
        check_request = ThinFunction(
            self,
            "CheckRequest",
            handler="lambdas.timed_tasks.check_request.handler",
            environment=CheckRequestEnvironment(),
            package=TIMED_TASKS_PACKAGE,
            timeout_seconds=10,
            removal_policy=removal,
        )
        timed_tasks = TimedTasks(
            self,
            "TimedTasks",
            workflows=standard_workflows(made),
            table=timed,
            check_request=check_request,
            dead_letters=dead_letters.store,
            lost_schedules=dead_letters.lost_events,
            removal_policy=removal,
        )
        self.machine = timed_tasks.machine
        nets = dead_letters.watch(self.machine)

        for queue in (dead_letters.letters, dead_letters.lost_events):
            alarm_on_messages(queue)
        alarm_on_machine(self.machine, slow_after=SLOW)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        alarm_on_schedules(timed_tasks.schedules)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "TimedTasksDashboard",
            machines=[self.machine],
            functions=[check_request],
            dead_letters=[dead_letters.letters, dead_letters.lost_events],
            prices=Prices.from_context(self.node),
        )
        cdk.CfnOutput(self, "TimedTasksMachineArn", value=self.machine.arn)


def standard_workflows(made: Sequence[IConstruct]) -> dict[str, Machine]:
    """By construct id. Express executions may have the same name twice: they are left out."""
    return {one.name: one for one in made if isinstance(one, Machine) and not one.is_express}
