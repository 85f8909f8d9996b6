"""The sandbox, in dev only: a payment provider, a warehouse and a report provider that answer, so
that a fresh deployment works from the console, and the same code runs on this machine."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from lambdas.sandbox.environments import (
    PaymentProviderEnvironment,
    ReportProviderEnvironment,
    WarehouseEnvironment,
)
from stacks.orders_stack import WAREHOUSE_TIMEOUT_SECONDS, OrdersStack
from stacks.reports_stack import ReportsStack, allow_objects
from stacks.stage import Stage
from stacks.tables import table
from workflows.function import SANDBOX_PACKAGE, ThinFunction, table_name
from workflows.report import PROVIDER_TIMEOUT_SECONDS


class SandboxStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        orders: OrdersStack,
        reports: ReportsStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        payments = table(
            self,
            "Payments",
            partition_key="idempotencyKey",
            removal_policy=stage.removal_policy,
        )
        payment_provider = ThinFunction(
            self,
            "PaymentProvider",
            handler="lambdas.sandbox.payment_provider.handler",
            function_name=stage.payment_provider_function,
            environment=PaymentProviderEnvironment(payments_table=table_name(payments)),
            package=SANDBOX_PACKAGE,
            timeout_seconds=10,
            removal_policy=stage.removal_policy,
        )
        payments.grant(
            payment_provider.function,
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        )

        warehouse = ThinFunction(
            self,
            "Warehouse",
            handler="lambdas.sandbox.warehouse.handler",
            environment=WarehouseEnvironment(),
            package=SANDBOX_PACKAGE,
            timeout_seconds=WAREHOUSE_TIMEOUT_SECONDS,
            removal_policy=stage.removal_policy,
        )
        warehouse.function.add_event_source(
            event_sources.SqsEventSource(orders.warehouse, report_batch_item_failures=True)
        )
        warehouse.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["states:SendTaskSuccess", "states:SendTaskHeartbeat"],
                resources=[orders.fulfilment.arn],
            )
        )
        cdk.CfnOutput(self, "PaymentsTable", value=payments.table_name)
        self._report_provider(stage, reports)

    def _report_provider(self, stage: Stage, reports: ReportsStack) -> None:
        requests = table(
            self,
            "ReportRequests",
            partition_key="reportId",
            removal_policy=stage.removal_policy,
        )
        provider = ThinFunction(
            self,
            "ReportProvider",
            handler="lambdas.sandbox.report_provider.handler",
            function_name=reports.settings.provider_function,
            environment=ReportProviderEnvironment(report_requests_table=table_name(requests)),
            package=SANDBOX_PACKAGE,
            timeout_seconds=PROVIDER_TIMEOUT_SECONDS,
            removal_policy=stage.removal_policy,
        )
        requests.grant(provider.function, "dynamodb:GetItem", "dynamodb:PutItem")
        # An export has its name already now, which the acknowledgement of the wildcard needs.
        files_arn = str(reports.export_value(reports.files.bucket_arn))
        allow_objects(provider, files_arn, "s3:PutObject")
        cdk.CfnOutput(self, "ReportRequestsTable", value=requests.table_name)
