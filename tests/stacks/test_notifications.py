"""The notifications' stack: who may do what, what reaches whom, and which stage has it."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest

from sfnlocal.template import App
from stacks.notification_settings import NotificationSettings
from stacks.queues import RECEIVES_MAX
from stacks.stage import Stage, StageError
from tests.stacks.conftest import Templates
from tests.stacks.test_grants import WITHOUT_RESOURCES, as_list, grants
from workflows.notification import MACHINE_TIME_OUT

PROD = {
    "stage": "prod",
    "paymentProviderFunction": "payments-live-charge",
    "tokenIssuer": "https://issuer.example.com",
    "tokenAudience": "api",
}
CHANNELS = ("Email", "Sms", "Push", "Webhook")
STACK = "Notifications"


def properties(app: App, kind: str) -> dict[str, dict[str, Any]]:
    """The stack's resources of a type, by the second part of their path."""
    return {
        resource.path.split("/")[1]: dict(resource.properties)
        for resource in app.of_type(kind)
        if resource.path.startswith(f"{STACK}/")
    }


def granted(app: App, role: str) -> set[tuple[str, str]]:
    names = {r.arn: r.path.removesuffix("/Resource").split("/")[1] for r in app.resources}
    return {
        (action, names.get(resource.rstrip(":/*"), resource))
        for path, action, resource in grants(app)
        if path.startswith(f"{STACK}/{role}/")
        and action not in WITHOUT_RESOURCES
        and not action.startswith("logs:")
    }


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            "AcceptNotifications",
            {
                ("dynamodb:PutItem", "NotificationRequests"),
                ("dynamodb:UpdateItem", "NotificationRequests"),
                ("dynamodb:GetItem", "Recipients"),
                ("dynamodb:PutItem", "NotificationLog"),
                *(("sqs:SendMessage", f"{channel}Queue") for channel in CHANNELS),
            },
        ),
        (
            "RecordEvents",
            {
                ("secretsmanager:GetSecretValue", "CallbackSecret"),
                ("dynamodb:PutItem", "UsedSignatures"),
                ("dynamodb:DeleteItem", "UsedSignatures"),
                ("dynamodb:UpdateItem", "Recipients"),
                ("dynamodb:GetItem", "NotificationLog"),
                ("dynamodb:UpdateItem", "NotificationLog"),
            },
        ),
        ("FindQuietEnd", set()),
        (
            "Notification/Role",
            {
                ("dynamodb:UpdateItem", "NotificationLog"),
                ("dynamodb:GetItem", "Recipients"),
                ("lambda:InvokeFunction", "FindQuietEnd"),
                *(("lambda:InvokeFunction", f"Record{channel}") for channel in CHANNELS),
                *(("sqs:SendMessage", f"{channel}Queue") for channel in CHANNELS),
                ("scheduler:CreateSchedule", "Notification"),
                ("iam:PassRole", "Notification"),
            },
        ),
        (
            "Notification/PutOff/ScheduleRole",
            {
                ("sqs:SendMessage", "LostNotificationSchedules"),
                *(("sqs:SendMessage", f"{channel}Queue") for channel in CHANNELS),
            },
        ),
        (
            "SmsPipe",
            {
                ("sqs:ReceiveMessage", "SmsQueue"),
                ("sqs:DeleteMessage", "SmsQueue"),
                ("sqs:GetQueueAttributes", "SmsQueue"),
                ("states:StartSyncExecution", "Notification"),
            },
        ),
    ],
)
def test_a_role_may_do_what_its_work_takes(
    deployed: App, role: str, expected: set[tuple[str, str]]
) -> None:
    found = {
        (action, "Notification" if "schedule/" in resource else resource)
        for action, resource in granted(deployed, role)
    }
    assert found == expected


def test_the_machine_hands_its_role_to_the_scheduler_only(deployed: App) -> None:
    passed = [
        statement
        for policy in deployed.of_type("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == "iam:PassRole"
    ]
    [one] = [p for p in passed if "PutOff" in json.dumps(p["Resource"])]
    assert one["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_a_queue_hides_its_messages_longer_than_a_run_can_take(deployed: App) -> None:
    queues = properties(deployed, "AWS::SQS::Queue")
    for channel in CHANNELS:
        queue = queues[f"{channel}Queue"]
        assert queue["VisibilityTimeout"] > 300 > MACHINE_TIME_OUT.to_seconds()
        assert queue["RedrivePolicy"]["maxReceiveCount"] == RECEIVES_MAX


def test_each_channel_has_a_pipe_of_its_own_that_waits_for_the_machine(deployed: App) -> None:
    pipes = properties(deployed, "AWS::Pipes::Pipe")
    assert {*pipes} == {f"{channel}Pipe" for channel in CHANNELS}
    assert len({pipe["Source"] for pipe in pipes.values()}) == 4
    for pipe in pipes.values():
        parameters = pipe["TargetParameters"]["StepFunctionStateMachineParameters"]
        assert parameters == {"InvocationType": "REQUEST_RESPONSE"}


def test_the_public_route_is_named_and_throttled_and_there_is_one(deployed: App) -> None:
    routes = {
        route.properties["RouteKey"]: route.properties["AuthorizationType"]
        for route in deployed.of_type("AWS::ApiGatewayV2::Route")
        if route.path.startswith(f"{STACK}/")
    }
    assert routes == {
        "POST /notifications": "JWT",
        "POST /notifications/batch": "JWT",
        "POST /callbacks": "NONE",
    }
    [stage] = properties(deployed, "AWS::ApiGatewayV2::Stage").values()
    assert stage["RouteSettings"] == {
        "POST /callbacks": {"ThrottlingRateLimit": 20, "ThrottlingBurstLimit": 40}
    }


def test_the_dashboard_bills_express_runs_and_no_transitions(deployed: App) -> None:
    [dashboard] = properties(deployed, "AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]
    assert "ExpressExecutionBilledDuration" in body
    assert "e0ms * 0.000000001041875 + e0runs * 0.000001000" in body
    assert "TaskStateEntered" not in body


# Other stages


def test_a_stage_without_a_sender_has_no_notifications(production: Templates) -> None:
    assert "notifications-prod" not in production


def test_in_production_ses_sns_and_webhooks_send(full_production: Templates) -> None:
    template = full_production["notifications-prod"]
    resources = template["Resources"].values()
    handlers = {
        r["Properties"]["Handler"]: r["Properties"].get("Environment", {}).get("Variables")
        for r in resources
        if r["Type"] == "AWS::Lambda::Function"
    }
    assert handlers["lambdas.notification.send_email.handler"]["SENDER"] == "news@shop.example.com"
    assert "lambdas.notification.publish_message.handler" in handlers
    assert "lambdas.notification.call_webhook.handler" in handlers
    assert "lambdas.notification.send_recorded.handler" not in handlers
    statements = [
        s
        for r in resources
        if r["Type"] == "AWS::IAM::Policy"
        for s in r["Properties"]["PolicyDocument"]["Statement"]
    ]
    [email] = [s for s in statements if s["Action"] == "ses:SendEmail"]
    identity = "arn:aws:ses:eu-central-1:111122223333:identity/shop.example.com"
    assert email["Resource"] == identity
    published = [s["Resource"] for s in statements if "sns:Publish" in as_list(s["Action"])]
    assert "*" in published
    assert len(published) == 2
    assert ':endpoint/*"' in json.dumps(published)


@pytest.mark.parametrize("sender", ["news", "news@shop", "@shop.example.com"])
def test_a_sender_that_is_no_address_is_a_mistake_of_the_context(sender: str) -> None:
    node = cdk.App(context={**PROD, "notificationSender": sender}).node
    with pytest.raises(StageError, match="notificationSender"):
        NotificationSettings.from_context(node, Stage.from_context(node))
