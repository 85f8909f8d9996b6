"""Fault experiments on the order's functions: only in stages that are not production.

This module wires and grants; the order of the steps stands in `workflows.fault_experiment`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from stacks.alarms import alarm_on_machine, alarm_on_messages
from stacks.control_stack import ControlStack
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters
from stacks.orders_stack import OrdersStack
from stacks.prices import Prices
from stacks.stage import Stage
from stacks.upgrades_stack import UpgradesStack
from workflows.fault_experiment import ExperimentTarget, FaultExperiment

SLOW = timedelta(minutes=90)
SLOW_NET = timedelta(minutes=4)


class FaultExperimentStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        control: ControlStack,
        orders: OrdersStack,
        upgrades: UpgradesStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        dead_letters = DeadLetters(
            self,
            archive="ExperimentLetters",
            letters="ExperimentDeadLetters",
            prefix="Experiment",
            removal_policy=stage.removal_policy,
        )
        self.experiment = FaultExperiment(
            self,
            "FaultExperiment",
            targets=[ExperimentTarget(one.function, one.alarm) for one in upgrades.healed],
            heal=upgrades.heal,
            letters=orders.dead_letters.letters,
            leases=control.leases,
            audits=control.audit,
            dead_letters=dead_letters.store,
            removal_policy=stage.removal_policy,
        ).machine
        nets = dead_letters.watch(self.experiment)
        for queue in (dead_letters.letters, dead_letters.lost_events):
            alarm_on_messages(queue)
        alarm_on_machine(self.experiment, slow_after=SLOW)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        WorkflowDashboard(
            self,
            "FaultExperimentDashboard",
            machines=[self.experiment],
            functions=[],
            dead_letters=[dead_letters.letters, dead_letters.lost_events],
            prices=Prices.from_context(self.node),
        )
        cdk.CfnOutput(self, "FaultExperimentMachineArn", value=self.experiment.arn)
