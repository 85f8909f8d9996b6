"""The views of sales: the queue that sales come by, the archive, both layers, and who may ask.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from lambdas.environment import BucketName, Environment
from lambdas.views.environments import (
    BuildViewEnvironment,
    CountSalesEnvironment,
    ReadManifestEnvironment,
    ReadSalesEnvironment,
)
from lambdas.views.payloads import KEPT_DAYS, RESULTS, SALES, VIEWS
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.callers import Issuer
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters, private_bucket
from stacks.http_front import HttpFront
from stacks.prices import Prices
from stacks.queues import dead_letter_queue, source_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows.findings import acknowledge_wildcard
from workflows.function import FRONT, Package, ThinFunction, table_name
from workflows.machine import Machine
from workflows.queue import Queue
from workflows.queue_pipe import QueuePipe
from workflows.recompute_view import RecomputeView, ViewFunctions
from workflows.record_sale import BATCH_SIZE, LATE_DAYS_MAX, RecordSale, SalesStore
from workflows.record_sale import MACHINE_TIME_OUT as RECORD_TIME_OUT
from workflows.schedule import SCHEDULED_TIME, schedule_machine

VIEWS_PACKAGE = Package(("!/lambdas/views/", FRONT))

RESULTS_KEPT_DAYS = 7
# A batch of sales, read one after the other; a day's results.
COUNT_TIMEOUT_SECONDS = 60
BUILD_TIMEOUT_SECONDS = 300
PROXY_TIMEOUT_SECONDS = 10

HOUR = "2"
# Yesterday; and the day that nothing new can come for any more.
DAYS_AGO = (1, LATE_DAYS_MAX + 1)
MAX_EVENT_AGE = cdk.Duration.hours(12)
SLOW_RECORDING = timedelta(seconds=30)
SLOW_RECOMPUTING = timedelta(hours=1)
SLOW_NET = timedelta(minutes=4)


class ViewsStack(cdk.Stack):
    """Without an `issuer` there is no HTTP route."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        issuer: Issuer | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal = stage.removal_policy
        self.ledger = table(
            self,
            "SalesLedger",
            partition_key="eventId",
            expires_by="expiresAt",
            removal_policy=self._removal,
        )
        self.counters = table(
            self,
            "SalesCounters",
            partition_key="day",
            sort_key="cell",
            expires_by="expiresAt",
            removal_policy=self._removal,
        )
        self.pointers = table(
            self, "ViewPointers", partition_key="day", removal_policy=self._removal
        )
        self.files = private_bucket(
            self, "SalesFiles", kept_days=KEPT_DAYS, removal_policy=self._removal
        )
        self.files.add_lifecycle_rule(
            prefix=f"{RESULTS}/", expiration=cdk.Duration.days(RESULTS_KEPT_DAYS)
        )
        self.queue, dead = source_queue(
            self,
            "SalesQueue",
            consumer_timeout_seconds=int(RECORD_TIME_OUT.to_seconds()),
            removal_policy=self._removal,
        )
        rejected = dead_letter_queue(self, "RejectedSales", removal_policy=self._removal)
        record = self._record(rejected)
        dead_letters = DeadLetters(
            self,
            archive="ViewLetters",
            letters="ViewDeadLetters",
            prefix="View",
            removal_policy=self._removal,
        )
        functions = self._functions()
        recompute = RecomputeView(
            self,
            "RecomputeView",
            functions=functions,
            files=self.files,
            pointers=self.pointers,
            dead_letters=dead_letters.store,
            removal_policy=self._removal,
        )
        self._acknowledge(recompute)
        self._schedule(recompute, dead_letters.lost_events)
        nets = dead_letters.watch(recompute.machine)
        if issuer:
            self._front(issuer)
        self._watched(
            record,
            recompute.machine,
            nets,
            functions,
            [dead, rejected, dead_letters.letters, dead_letters.lost_events],
        )
        outputs = {
            "SalesQueueUrl": self.queue.url,
            "SalesBucket": self.files.bucket_name,
            "RecomputeViewMachineArn": recompute.machine.arn,
            "ViewDeadLettersUrl": dead_letters.letters.url,
            "ViewLettersTable": dead_letters.archive.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)

    def _record(self, rejected: Queue) -> Machine:
        record = RecordSale(
            self,
            "RecordSale",
            store=SalesStore(
                ledger=self.ledger, counters=self.counters, archive=self.files, rejected=rejected
            ),
            removal_policy=self._removal,
        )
        acknowledge_wildcard(
            record,
            self.files.arn_for_objects(f"{SALES}/*"),
            "The key is the sale's day, arrival and id, which no role can know.",
        )
        QueuePipe(
            self, "SalesPipe", queue=self.queue, machine=record.machine, batch_size=BATCH_SIZE
        )
        return record.machine

    def _functions(self) -> ViewFunctions:
        files, counters = BucketName(self.files.bucket_name), table_name(self.counters)
        functions = ViewFunctions(
            read_manifest=self._function(
                "read_manifest", ReadManifestEnvironment(counters_table=counters)
            ),
            count_sales=self._function(
                "count_sales", CountSalesEnvironment(sales_bucket=files), COUNT_TIMEOUT_SECONDS
            ),
            build_view=self._function(
                "build_view", BuildViewEnvironment(sales_bucket=files), BUILD_TIMEOUT_SECONDS
            ),
        )
        self.counters.grant(functions.read_manifest.function, "dynamodb:Query")
        self._allow(functions.count_sales, "s3:GetObject", SALES)
        self._allow(functions.build_view, "s3:GetObject", RESULTS)
        self._allow(functions.build_view, "s3:PutObject", VIEWS)
        return functions

    def _front(self, issuer: Issuer) -> None:
        read_sales = self._function(
            "read_sales",
            ReadSalesEnvironment(
                pointers_table=table_name(self.pointers),
                counters_table=table_name(self.counters),
                sales_bucket=BucketName(self.files.bucket_name),
            ),
            PROXY_TIMEOUT_SECONDS,
        )
        self.pointers.grant(read_sales.function, "dynamodb:GetItem")
        self.counters.grant(read_sales.function, "dynamodb:Query")
        self._allow(read_sales, "s3:GetObject", VIEWS)
        front = HttpFront(
            self,
            "SalesApi",
            issuer=issuer,
            page_methods=[apigateway.CorsHttpMethod.GET],
            removal_policy=self._removal,
        )
        front.route(apigateway.HttpMethod.GET, "/sales/{sku}/{day}", read_sales)
        cdk.CfnOutput(self, "SalesApiUrl", value=front.url)

    def _function(
        self, module: str, environment: Environment, timeout_seconds: int = 60
    ) -> ThinFunction:
        return ThinFunction(
            self,
            "".join(word.capitalize() for word in module.split("_")),
            handler=f"lambdas.views.{module}.handler",
            environment=environment,
            package=VIEWS_PACKAGE,
            timeout_seconds=timeout_seconds,
            removal_policy=self._removal,
        )

    def _allow(self, function: ThinFunction, action: str, folder: str) -> None:
        objects = self.files.arn_for_objects(f"{folder}/*")
        function.function.add_to_role_policy(
            iam.PolicyStatement(actions=[action], resources=[objects])
        )
        acknowledge_wildcard(function, objects, "The key has a day, which no role can know.")

    def _acknowledge(self, recompute: RecomputeView) -> None:
        acknowledge_wildcard(
            recompute,
            self.files.arn_for_objects(f"{VIEWS}/*"),
            "The key is a day and a version, which no role can know.",
        )
        acknowledge_wildcard(
            recompute,
            # As the CDK writes it, which is not as the bucket's own ARN is written.
            self.format_arn(
                service="s3",
                region="",
                account="",
                resource=self.files.bucket_name,
                resource_name="*",
            ),
            "The ResultWriter names the results.",
        )

    def _schedule(self, recompute: RecomputeView, lost_starts: Queue) -> None:
        schedule_machine(
            recompute,
            "Nightly",
            machine=recompute.machine,
            expression=scheduler.ScheduleExpression.cron(minute="30", hour=HOUR),
            description="Recomputes the views of yesterday and of the day that is closed",
            machine_input={"scheduledTime": SCHEDULED_TIME, "daysAgo": list(DAYS_AGO)},
            lost_starts=lost_starts,
            max_event_age=MAX_EVENT_AGE,
            removal_policy=self._removal,
        )

    def _watched(
        self,
        record: Machine,
        recompute: Machine,
        nets: Sequence[Machine],
        functions: ViewFunctions,
        dead_letters: Sequence[Queue],
    ) -> None:
        """What tells that something is wrong, and what shows how it goes."""
        for queue in dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(record, slow_after=SLOW_RECORDING)
        alarm_on_machine(recompute, slow_after=SLOW_RECOMPUTING)
        for machine in nets:
            alarm_on_machine(machine, slow_after=SLOW_NET)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "ViewsDashboard",
            machines=[recompute, record],
            functions=[functions.read_manifest, functions.count_sales, functions.build_view],
            dead_letters=dead_letters,
            prices=Prices.from_context(self.node),
        )
