"""The report workflow: its function, its machines and its queue, the schedule and the nets.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from lambdas.report.environments import TakeBatchEnvironment
from lambdas.report.payloads import DailyReportsInput
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters, private_bucket
from stacks.prices import Prices
from stacks.queues import dead_letter_queue, source_queue
from stacks.report_settings import ReportSettings
from stacks.stage import Stage
from workflows.daily_reports import DailyReports
from workflows.findings import acknowledge_wildcard
from workflows.function import REPORT_PACKAGE, ThinFunction
from workflows.machine import Machine
from workflows.queue import Queue
from workflows.report import REPORTS_FOLDER, Report
from workflows.schedule import SCHEDULED_TIME, schedule_machine

REPORTS_KEPT_DAYS = 30
# What whoever consumes the messages may take for them.
CONSUMER_TIMEOUT_SECONDS = 30

HOUR = "6"
WINDOW = cdk.Duration.minutes(15)
# A report that needs all its pauses takes an hour and three quarters.
SLOW_REPORT = timedelta(hours=2)
SLOW_START = timedelta(minutes=4)
# Later than this, the next day's run is nearer than this day's.
MAX_EVENT_AGE = cdk.Duration.hours(12)


class ReportsStack(cdk.Stack):
    """`files` is where the report provider (in dev, the sandbox's) delivers."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        settings: ReportSettings,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        self.settings = settings

        dead_letters = DeadLetters(
            self,
            archive="ReportLetters",
            letters="ReportDeadLetters",
            prefix="Report",
            removal_policy=removal,
        )
        lost_schedules = dead_letter_queue(self, "LostSchedules", removal_policy=removal)
        self.messages, messages_dead = source_queue(
            self,
            "ReportMessages",
            consumer_timeout_seconds=CONSUMER_TIMEOUT_SECONDS,
            removal_policy=removal,
        )
        self.files = private_bucket(
            self, "ReportFiles", kept_days=REPORTS_KEPT_DAYS, removal_policy=removal
        )

        self.take_batch = self._take_batch(stage)
        self.report = Report(
            self,
            "Report",
            provider=self._provider(),
            take_batch=self.take_batch,
            files=self.files,
            messages=self.messages,
            dead_letters=dead_letters.store,
            removal_policy=removal,
        ).machine
        daily_reports = DailyReports(
            self,
            "DailyReports",
            report=self.report,
            dead_letters=dead_letters.store,
            removal_policy=removal,
        )
        self.daily_reports = daily_reports.machine
        schedule_machine(
            daily_reports,
            "Daily",
            machine=self.daily_reports,
            expression=scheduler.ScheduleExpression.cron(
                minute="0", hour=HOUR, time_zone=cdk.TimeZone.of(settings.time_zone)
            ),
            description="Starts the reports of the day",
            machine_input=dict(
                DailyReportsInput(scheduledTime=SCHEDULED_TIME, accounts=list(settings.accounts))
            ),
            lost_starts=lost_schedules,
            max_event_age=MAX_EVENT_AGE,
            time_window=scheduler.TimeWindow.flexible(WINDOW),
            removal_policy=removal,
        )
        nets = dead_letters.watch(self.report, self.daily_reports)
        self._operations(
            nets, [dead_letters.letters, dead_letters.lost_events, lost_schedules, messages_dead]
        )
        self._outputs(dead_letters)

    def _provider(self) -> lambda_.IFunction:
        return lambda_.Function.from_function_attributes(
            self,
            "ReportProvider",
            function_arn=self.format_arn(
                service="lambda",
                resource="function",
                resource_name=self.settings.provider_function,
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            ),
            same_environment=True,
        )

    def _take_batch(self, stage: Stage) -> ThinFunction:
        take_batch = ThinFunction(
            self,
            "TakeBatch",
            handler="lambdas.report.take_batch.handler",
            environment=TakeBatchEnvironment(),
            package=REPORT_PACKAGE,
            timeout_seconds=30,
            memory_mb=512,
            removal_policy=stage.removal_policy,
        )
        allow_objects(take_batch, self.files.bucket_arn, "s3:GetObject")
        return take_batch

    def _operations(self, nets: Sequence[Machine], dead_letters: Sequence[Queue]) -> None:
        """What tells that something is wrong, and what shows how it goes."""
        for queue in dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(self.report, slow_after=SLOW_REPORT)
        for machine in (self.daily_reports, *nets):
            alarm_on_machine(machine, slow_after=SLOW_START)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "ReportDashboard",
            machines=[self.report, self.daily_reports],
            functions=[self.take_batch],
            dead_letters=dead_letters,
            prices=Prices.from_context(self.node),
        )

    def _outputs(self, dead_letters: DeadLetters) -> None:
        """What a user, and the replay script, need to know."""
        outputs = {
            "DailyReportsMachineArn": self.daily_reports.arn,
            "ReportMachineArn": self.report.arn,
            "ReportMessagesUrl": self.messages.url,
            "ReportDeadLettersUrl": dead_letters.letters.url,
            "ReportLettersTable": dead_letters.archive.table_name,
            "ReportFilesBucket": self.files.bucket_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)


def allow_objects(function: ThinFunction, files_arn: str, action: str) -> None:
    """Let a function do one thing with the reports in the bucket."""
    reports = f"{files_arn}/{REPORTS_FOLDER}/*"
    function.function.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[reports]))
    acknowledge_wildcard(function, reports, "The key is the run's name, which no role can know.")
