"""The reports' stack: who may do what, when it starts, and which stage has it."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest

from sfnlocal.template import App
from stacks.report_settings import ReportSettings
from stacks.stage import Stage, StageError
from tests.stacks.conftest import Templates
from tests.stacks.test_grants import WITHOUT_RESOURCES, grants
from workflows.report import PAUSES_SECONDS

PROD = {"stage": "prod", "paymentProviderFunction": "payments-live-charge"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            "Reports/Report",
            {
                ("lambda:InvokeFunction", "ReportProvider"),
                ("lambda:InvokeFunction", "TakeBatch"),
                ("sqs:SendMessage", "ReportMessages"),
                ("sqs:SendMessage", "ReportDeadLetters"),
                ("dynamodb:PutItem", "ReportLetters"),
                ("dynamodb:UpdateItem", "ReportLetters"),
                ("s3:PutObject", "ReportDeadLetterInputs"),
            },
        ),
        (
            "Reports/DailyReports",
            {
                ("states:StartExecution", "Report"),
                ("states:StartExecution", "DailyReports"),
                ("sqs:SendMessage", "LostSchedules"),
                ("sqs:SendMessage", "ReportDeadLetters"),
                ("dynamodb:PutItem", "ReportLetters"),
                ("dynamodb:UpdateItem", "ReportLetters"),
                ("s3:PutObject", "ReportDeadLetterInputs"),
            },
        ),
        ("Reports/TakeBatch", {("s3:GetObject", "ReportFiles")}),
    ],
)
def test_a_role_may_do_what_its_work_takes(
    deployed: App, role: str, expected: set[tuple[str, str]]
) -> None:
    names = {r.arn: r.path.removesuffix("/Resource").split("/")[1] for r in deployed.resources}
    found = {
        (action, names[resource.removesuffix("/reports/*").rstrip(":/*")])
        for path, action, resource in grants(deployed)
        if path.startswith(f"{role}/")
        and action not in WITHOUT_RESOURCES
        and not action.startswith("logs:")
    }
    assert found == expected


def daily(app: App) -> dict[str, Any]:
    (schedule,) = [
        dict(r.properties)
        for r in app.resources
        if r.type == "AWS::Scheduler::Schedule" and r.path.startswith("Reports/DailyReports/")
    ]
    return schedule


def test_reports_start_daily_within_a_window_and_are_tried_again(deployed: App) -> None:
    schedule = daily(deployed)
    assert schedule["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    retries = schedule["Target"]["RetryPolicy"]
    assert retries == {"MaximumEventAgeInSeconds": 43_200, "MaximumRetryAttempts": 3}


def test_the_schedule_has_a_dead_letter_queue_of_its_own(deployed: App) -> None:
    queue = daily(deployed)["Target"]["DeadLetterConfig"]["Arn"]
    others = [
        r
        for r in deployed.resources
        if r.type in ("AWS::Scheduler::Schedule", "AWS::Events::Rule")
        and queue in json.dumps(r.properties)
    ]
    assert len(others) == 1


def test_the_schedule_tells_the_time_it_was_meant_for(deployed: App) -> None:
    told = json.loads(daily(deployed)["Target"]["Input"])
    assert told["scheduledTime"] == "<aws.scheduler.scheduled-time>"
    assert [account["accountId"] for account in told["accounts"]] == ["a-1001", "a-1002"]


def test_a_report_outlasts_all_its_waits(definitions: dict[str, Any]) -> None:
    assert definitions["Report"]["TimeoutSeconds"] > 2 * (600 + sum(PAUSES_SECONDS))


@pytest.mark.parametrize("machine", ["Report", "DailyReports"])
def test_both_query_languages_are_alive(definitions: dict[str, Any], machine: str) -> None:
    definition = definitions[machine]
    assert definition["QueryLanguage"] == "JSONPath"
    branch = [s for s in definition["States"].values() if s.get("QueryLanguage") == "JSONata"]
    assert len(branch) >= 8
    assert definitions["Order"]["QueryLanguage"] == "JSONata"


def test_every_failing_task_leads_to_the_dead_letter(definitions: dict[str, Any]) -> None:
    states = definitions["Report"]["States"]
    for name in ("RequestReport", "FetchReport", "TakeBatch", "SendBatch", "ResendRefused"):
        last = states[name]["Catch"][-1]
        assert (last["ErrorEquals"], last["Next"]) == (["States.ALL"], "TellFailure"), name
    assert states["TellFailure"]["Next"] == "ParseCause"


def test_a_stage_without_a_report_provider_has_no_reports(production: Templates) -> None:
    assert "reports-prod" not in production


def test_production_names_its_provider_accounts_and_time_zone(full_production: Templates) -> None:
    assert {"orders-prod", "reports-prod"} <= full_production.keys()
    text = json.dumps(full_production["reports-prod"])
    assert "function:reports-live" in text
    assert '"ScheduleExpressionTimezone": "Europe/Berlin"' in text
    assert "a-7" in text
    assert "0.000030000 as cost" in text


@pytest.mark.parametrize("accounts", [None, [], "[]", {"a-1": 1}, [{"accountId": "a-1"}], ["a-1"]])
def test_a_provider_without_accounts_is_a_mistake_of_the_context(accounts: object) -> None:
    node = cdk.App(
        context={**PROD, "reportProviderFunction": "live", "reportAccounts": accounts}
    ).node
    with pytest.raises(StageError, match="account"):
        ReportSettings.from_context(node, Stage.from_context(node))
