"""The heal of the order's functions: what starts it, what it may spend in a day, whom it tells.

Three things start it: an alarm on the calls through an alias, an asynchronous call that has failed
for good, and an order whose task has failed for good.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_sns as sns
from constructs import Construct

from lambdas.order.payloads import (
    ChargePaymentEvent,
    ReleaseStockEvent,
    ReserveStockEvent,
    ValidateOrderEvent,
)
from stacks.alarms import alarm_on_live
from stacks.control_stack import ControlStack
from stacks.dead_letters_stack import exported
from stacks.orders_stack import OrdersStack
from stacks.tables import table
from workflows.dead_letter import DeadLetterStore
from workflows.heal import Heal
from workflows.heal_target import HealTarget
from workflows.heal_tasks import BUDGET_DAY, BUDGET_EXPIRES, BUDGET_KEY
from workflows.queue import Queue
from workflows.retry_policy import FAULTY_VERSION
from workflows.rule import rule_role, start_on_events
from workflows.upgrade_target import alias_of

CANARY = "canary"
LETTERS = "OrderDeadLetters"
AN_ORDER = {
    "orderId": CANARY,
    "customerId": CANARY,
    "shipAt": "2026-01-01T00:00:00Z",
    "currency": "EUR",
    "cardToken": CANARY,
    "lines": [{"sku": CANARY, "quantity": 1, "unitPriceCents": 1}],
}


class OrderHeal(Construct):
    """`machine` heals `targets`; `people` is told of what it did and of what it could not do."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        control: ControlStack,
        orders: OrdersStack,
        dead_letters: DeadLetterStore,
        lost_events: Queue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.people = sns.Topic(self, "People", enforce_ssl=True)
        bus = events.EventBus.from_event_bus_name(self, "Bus", "default")
        self.targets = healed = self._targets(orders)
        functions = [one.function.function for one in healed]
        self.machine = Heal(
            self,
            "Heal",
            targets=healed,
            versions=[f"{exported(fn, fn.function_arn)}:*" for fn in functions],
            executions=orders.order.exported_execution_arn("*"),
            leases=control.leases,
            audits=control.audit,
            budgets=table(
                self,
                "Budgets",
                partition_key=BUDGET_KEY,
                sort_key=BUDGET_DAY,
                expires_by=BUDGET_EXPIRES,
                removal_policy=removal_policy,
            ),
            people=self.people,
            bus=bus,
            dead_letters=dead_letters,
            removal_policy=removal_policy,
        ).machine

        self._role, self._lost = rule_role(self), lost_events
        self._start_for(
            "Alarms",
            "Alarms of what is live",
            events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                detail={
                    "alarmName": [one.alarm.alarm_name for one in healed],
                    "state": {"value": ["ALARM"]},
                },
            ),
            {"alarm": events.EventField.from_path("$.detail.alarmName")},
        )
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        self._start_for(
            "FailedCalls",
            "Asynchronous calls that have failed for good",
            events.EventPattern(
                source=["lambda"],
                detail_type=["Lambda Function Invocation Result - Failure"],
                resources=[alias_of(one.function).function_arn for one in healed],
            ),
            {"functionArn": events.EventField.from_path("$.detail.requestContext.functionArn")},
        )
        self._start_for(
            "FailedOrders",
            "Orders whose task has failed for good",
            events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "status": ["FAILED"],
                    # What a refusal ends is no fault of a version.
                    "error": list(FAULTY_VERSION.errors),
                    "stateMachineArn": [orders.order.arn],
                },
            ),
            {"executionArn": events.EventField.from_path("$.detail.executionArn")},
        )

    def _start_for(
        self,
        construct_id: str,
        description: str,
        pattern: events.EventPattern,
        machine_input: dict[str, Any],
    ) -> None:
        start_on_events(
            self,
            construct_id,
            machine=self.machine,
            description=f"{description}, to {self.machine.name}",
            pattern=pattern,
            machine_input=events.RuleTargetInput.from_object(
                {**machine_input, "startedBy": f"rule {construct_id}"}
            ),
            lost_events=self._lost,
            role=self._role,
        )

    def _targets(self, orders: OrdersStack) -> list[HealTarget]:
        """Their canaries change nothing: an order that is only checked, a sku that nobody has, a
        reservation that there is not, a card that is declined."""
        functions = orders.functions
        return [
            HealTarget(
                functions.validate_order,
                alarm_on_live(self, functions.validate_order),
                ValidateOrderEvent(executionArn=CANARY, order=AN_ORDER),
                (),
                ("ValidateOrder",),
                LETTERS,
            ),
            HealTarget(
                functions.reserve_stock,
                alarm_on_live(self, functions.reserve_stock),
                ReserveStockEvent(
                    executionArn=CANARY,
                    orderId=CANARY,
                    lines=[{"sku": CANARY, "quantity": 1, "unitPriceCents": 1}],
                ),
                ("OutOfStock", "TransactionConflict"),
                ("ReserveStock",),
                LETTERS,
            ),
            HealTarget(
                functions.release_stock,
                alarm_on_live(self, functions.release_stock),
                ReleaseStockEvent(executionArn=CANARY, orderId=CANARY, chargeUncertain=False),
                (),
                ("ReleaseStock", "GiveStockBack"),
                LETTERS,
            ),
            HealTarget(
                functions.charge_payment,
                alarm_on_live(self, functions.charge_payment),
                ChargePaymentEvent(
                    executionArn=CANARY,
                    orderId=CANARY,
                    totalCents=1,
                    currency="EUR",
                    cardToken="tok_declined",
                ),
                ("CardDeclined", "PaymentProviderUnavailable"),
                ("ChargePayment",),
                LETTERS,
            ),
        ]
