"""The order workflow: its state, its functions, its machines and the nets around them.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from lambdas.environment import Environment, FunctionName
from lambdas.order.environments import (
    ChargePaymentEnvironment,
    CreateInvoiceEnvironment,
    ReleaseStockEnvironment,
    ReserveStockEnvironment,
    ValidateOrderEnvironment,
)
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters
from stacks.prices import Prices
from stacks.queues import source_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows.fulfilment import Fulfilment
from workflows.function import ORDER_PACKAGE, ThinFunction, table_name
from workflows.machine import Machine
from workflows.order import Order, OrderFunctions
from workflows.queue import Queue
from workflows.upgrade_target import LiveMachine, alias_of

WAREHOUSE_TIMEOUT_SECONDS = 30
INVOICE_TIMEOUT_SECONDS = 30

# An order waits for its ship date, 300 days at most; what comes then takes days.
SLOW_ORDER = timedelta(days=330)
SLOW_FULFILMENT = timedelta(days=10)
SLOW_NET = timedelta(minutes=4)


class OrdersStack(cdk.Stack):
    """`fulfilment` and `warehouse` are what the warehouse (in dev, the sandbox) works with."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        self.stage = stage

        self.orders = table(self, "Orders", partition_key="orderId", removal_policy=removal)
        self.stock = table(self, "Stock", partition_key="sku", removal_policy=removal)
        self.reservations = table(
            self, "Reservations", partition_key="orderId", removal_policy=removal
        )
        self.invoice_items = table(
            self, "Invoices", partition_key="orderId", removal_policy=removal
        )
        self.idempotency = table(
            self,
            "Idempotency",
            partition_key="id",
            expires_by="expiration",
            removal_policy=removal,
        )
        self.dead_letters = dead_letters = DeadLetters(
            self, archive="DeadLetters", letters="OrderDeadLetters", removal_policy=removal
        )
        self.invoices, invoices_dead = source_queue(
            self,
            "InvoiceQueue",
            consumer_timeout_seconds=INVOICE_TIMEOUT_SECONDS,
            removal_policy=removal,
        )
        self.warehouse, warehouse_dead = source_queue(
            self,
            "WarehouseQueue",
            consumer_timeout_seconds=WAREHOUSE_TIMEOUT_SECONDS,
            removal_policy=removal,
        )

        functions = self.functions = self._order_functions()
        self._invoicing()

        self.fulfilment = Fulfilment(
            self,
            "Fulfilment",
            orders=self.orders,
            warehouse=self.warehouse,
            restock_wait=stage.restock_wait,
            removal_policy=removal,
        ).machine
        self.order = Order(
            self,
            "Order",
            functions=functions,
            orders=self.orders,
            invoices=self.invoices,
            fulfilment=self.fulfilment,
            dead_letters=dead_letters.store,
            removal_policy=removal,
        ).machine
        self.live_order = LiveMachine(self, "LiveOrder", machine=self.order)
        nets = dead_letters.watch(self.order)

        self._operations(
            functions,
            nets,
            [dead_letters.letters, dead_letters.lost_events, invoices_dead, warehouse_dead],
        )
        self._outputs(dead_letters)

    def _function(
        self,
        construct_id: str,
        module: str,
        environment: Environment,
        timeout_seconds: int,
        *,
        has_alias: bool = True,
    ) -> ThinFunction:
        return ThinFunction(
            self,
            construct_id,
            handler=f"lambdas.order.{module}.handler",
            environment=environment,
            package=ORDER_PACKAGE,
            timeout_seconds=timeout_seconds,
            removal_policy=self.stage.removal_policy,
            has_alias=has_alias,
        )

    def _order_functions(self) -> OrderFunctions:
        """The functions of the Order machine's tasks, each with what it may do."""
        stock = table_name(self.stock)
        reservations = table_name(self.reservations)
        provider = self.stage.payment_provider_function

        validate_order = self._function(
            "ValidateOrder", "validate_order", ValidateOrderEnvironment(), 10
        )
        # Whoever asks for a check alone does not wait for it; that it failed starts a heal.
        alias_of(validate_order).configure_async_invoke(
            on_failure=destinations.EventBridgeDestination()
        )
        reserve_stock = self._function(
            "ReserveStock",
            "reserve_stock",
            ReserveStockEnvironment(stock_table=stock, reservations_table=reservations),
            10,
        )
        release_stock = self._function(
            "ReleaseStock",
            "release_stock",
            ReleaseStockEnvironment(stock_table=stock, reservations_table=reservations),
            10,
        )
        charge_payment = self._function(
            "ChargePayment",
            "charge_payment",
            ChargePaymentEnvironment(
                payment_provider_function=FunctionName(provider),
                idempotency_table=table_name(self.idempotency),
            ),
            15,
        )

        # A transaction is authorized as the writes it consists of.
        self.stock.grant(reserve_stock.function, "dynamodb:UpdateItem")
        self.reservations.grant(reserve_stock.function, "dynamodb:GetItem", "dynamodb:PutItem")
        self.stock.grant(release_stock.function, "dynamodb:UpdateItem")
        self.reservations.grant(release_stock.function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        self.idempotency.grant(
            charge_payment.function,
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        )
        charge_payment.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[
                    self.format_arn(
                        service="lambda",
                        resource="function",
                        resource_name=provider,
                        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    )
                ],
            )
        )
        return OrderFunctions(
            validate_order=validate_order,
            reserve_stock=reserve_stock,
            release_stock=release_stock,
            charge_payment=charge_payment,
        )

    def _invoicing(self) -> None:
        """The consumer of the invoices queue."""
        self.create_invoice = self._function(
            "CreateInvoice",
            "create_invoice",
            CreateInvoiceEnvironment(invoices_table=table_name(self.invoice_items)),
            INVOICE_TIMEOUT_SECONDS,
            has_alias=False,
        )
        self.invoice_items.grant(self.create_invoice.function, "dynamodb:PutItem")
        self.create_invoice.function.add_event_source(
            event_sources.SqsEventSource(self.invoices, report_batch_item_failures=True)
        )

    def _operations(
        self,
        functions: OrderFunctions,
        nets: Sequence[Machine],
        dead_letters: Sequence[Queue],
    ) -> None:
        """What tells that something is wrong, and what shows how it goes."""
        for queue in dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(self.order, slow_after=SLOW_ORDER)
        alarm_on_machine(self.fulfilment, slow_after=SLOW_FULFILMENT)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "OrderDashboard",
            machines=[self.order, self.fulfilment],
            functions=[
                functions.validate_order,
                functions.reserve_stock,
                functions.charge_payment,
                functions.release_stock,
                self.create_invoice,
            ],
            dead_letters=dead_letters,
            prices=Prices.from_context(self.node),
        )

    def _outputs(self, dead_letters: DeadLetters) -> None:
        """What a user, and the replay script, need to know."""
        outputs = {
            "OrderMachineArn": self.order.arn,
            "OrderDeadLettersUrl": dead_letters.letters.url,
            "DeadLettersTable": dead_letters.archive.table_name,
            "DeadLetterInputsBucket": dead_letters.inputs.bucket_name,
            "OrdersTable": self.orders.table_name,
            "StockTable": self.stock.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
