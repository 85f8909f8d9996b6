"""The DailyReports machine: starts one Report for each account, each at most once.

A Report's name says its scheduled time and its account. So the schedule may fire twice, a run may
be replayed or redriven: what has its execution already gets no second one, and nothing that is
missing is left out. Each report ends for itself, with its own letter. An account whose report
could not be started does not hold up the others; the run fails when they have theirs.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.report.payloads import ReportInput
from workflows.child import ALREADY_EXISTS
from workflows.dead_letter import DeadLetterStore
from workflows.durations import timeout
from workflows.jsonpath import is_text, value_at
from workflows.jsonpath_net import JsonPathNet
from workflows.machine import Machine, standard_machine
from workflows.retry_policy import STEP_FUNCTIONS_FAULTS, TIME_OUTS, retry

STARTED_AT_ONCE = 5
MACHINE_TIME_OUT = cdk.Duration.hours(1)

# Names have no colons: of 2026-01-02T06:00:00Z they have 2026-01-02T0600.
DATE_AND_HOUR = "States.ArrayGetItem(States.StringSplit($.scheduledTime, ':'), 0)"
MINUTE = "States.ArrayGetItem(States.StringSplit($.scheduledTime, ':'), 1)"
REPORT_NAME = f"States.Format('{{}}{{}}-{{}}', {DATE_AND_HOUR}, {MINUTE}, $.account.accountId)"

NOT_STARTED = "NOT_STARTED"


class DailyReports(Construct):
    """`report` is the machine that makes one account's report."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        report: Machine,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        net = JsonPathNet(self, "DeadLetter", store=dead_letters)

        has_accounts = sfn.Choice(self, "HasAccounts")
        has_name = sfn.Choice(self, "HasName")

        start_report = tasks.StepFunctionsStartExecution(
            self,
            "StartReport",
            state_machine=report,
            name=value_at(REPORT_NAME),
            input=sfn.TaskInput.from_object(
                dict(
                    ReportInput(
                        scheduledTime=value_at("$.scheduledTime"), account=value_at("$.account")
                    )
                )
            ),
            associate_with_parent=True,
            task_timeout=timeout(30),
            result_selector={"outcome": "STARTED", "executionArn": value_at("$.ExecutionArn")},
        )
        retry(start_report, STEP_FUNCTIONS_FAULTS, TIME_OUTS)

        already_started = sfn.Pass(
            self,
            "AlreadyStarted",
            parameters={"outcome": "ALREADY_STARTED", "account": value_at("$.account")},
        )
        not_started = sfn.Pass(
            self, "NotStarted", result=sfn.Result.from_string(NOT_STARTED), result_path="$.outcome"
        )

        start_reports = sfn.Map(
            self,
            "StartReports",
            items_path="$.accounts",
            item_selector={
                "scheduledTime": value_at("$.scheduledTime"),
                "account": value_at("$$.Map.Item.Value"),
            },
            max_concurrency=STARTED_AT_ONCE,
            result_path="$.reports",
        ).item_processor(
            has_name.when(is_text("$.account.accountId"), start_report).otherwise(not_started)
        )

        find_not_started = sfn.Pass(
            self,
            "FindNotStarted",
            parameters={
                "reports": value_at("$.reports"),
                "notStarted": value_at(f"$.reports[?(@.outcome == '{NOT_STARTED}')]"),
            },
        )
        all_started = sfn.Choice(self, "AllStarted")
        started = sfn.Pass(self, "Started", output_path="$.reports")

        input_incomplete = net.dead_end(
            "InputIncomplete",
            error="ReportInputInvalid",
            cause="'a scheduledTime as 2026-01-02T06:00:00Z and a list of accounts are needed'",
        )
        some_not_started = net.dead_end(
            "SomeNotStarted",
            error="ReportsNotStarted",
            cause="$string({'notStarted': $states.input.notStarted})",
        )

        start_report.add_catch(
            already_started, errors=[ALREADY_EXISTS], result_path=sfn.JsonPath.DISCARD
        )
        start_report.add_catch(not_started, result_path="$.error")

        complete = sfn.Condition.and_(
            is_text("$.scheduledTime"),
            sfn.Condition.string_matches("$.scheduledTime", "*T*:*:*Z"),
            sfn.Condition.is_present("$.accounts[0]"),
        )
        story = has_accounts.when(
            complete,
            start_reports.next(find_not_started).next(
                all_started.when(
                    sfn.Condition.is_present("$.notStarted[0]"), some_not_started
                ).otherwise(started)
            ),
        ).otherwise(input_incomplete)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            query_language=sfn.QueryLanguage.JSON_PATH,
            removal_policy=removal_policy,
        )
