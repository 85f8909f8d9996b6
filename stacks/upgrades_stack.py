"""Upgrades: what brings a new version to the orders, and what takes a faulty one away from them.

This module wires and grants; the order of the steps stands in `workflows`.
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
from stacks.order_heal import OrderHeal
from stacks.orders_stack import OrdersStack
from stacks.prices import Prices
from stacks.stage import Stage
from workflows.upgrade import Upgrade
from workflows.upgrade_target import Targets

SLOW_UPGRADE = timedelta(hours=12)
# One that comes back while an upgrade is at its function takes longest.
SLOW_HEAL = timedelta(minutes=30)
SLOW_NET = timedelta(minutes=4)


class UpgradesStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        control: ControlStack,
        orders: OrdersStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        dead_letters = DeadLetters(
            self,
            archive="UpgradeLetters",
            letters="UpgradeDeadLetters",
            prefix="Upgrade",
            removal_policy=removal,
        )
        functions = (
            orders.functions.validate_order,
            orders.functions.reserve_stock,
            orders.functions.release_stock,
            orders.functions.charge_payment,
        )
        self.upgrade = Upgrade(
            self,
            "Upgrade",
            targets=Targets(functions, (orders.live_order,)),
            leases=control.leases,
            audits=control.audit,
            dead_letters=dead_letters.store,
            removal_policy=removal,
        ).machine
        heal = OrderHeal(
            self,
            "OrderHeal",
            control=control,
            orders=orders,
            dead_letters=dead_letters.store,
            lost_events=dead_letters.lost_events,
            removal_policy=removal,
        )
        self.heal, self.healed = heal.machine, heal.targets
        nets = dead_letters.watch(self.upgrade, self.heal)

        for queue in (dead_letters.letters, dead_letters.lost_events):
            alarm_on_messages(queue)
        alarm_on_machine(self.upgrade, slow_after=SLOW_UPGRADE)
        alarm_on_machine(self.heal, slow_after=SLOW_HEAL)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        WorkflowDashboard(
            self,
            "UpgradeDashboard",
            machines=[self.upgrade, self.heal],
            functions=[],
            dead_letters=[dead_letters.letters, dead_letters.lost_events],
            prices=Prices.from_context(self.node),
        )
        outputs = {
            "UpgradeMachineArn": self.upgrade.arn,
            "HealMachineArn": self.heal.arn,
            "HealTopicArn": heal.people.topic_arn,
            "UpgradeDeadLettersUrl": dead_letters.letters.url,
            "UpgradeLettersTable": dead_letters.archive.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
