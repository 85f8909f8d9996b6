"""Least privilege: which role may do what, and who may assume it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sfnlocal.template import App

# Actions that IAM cannot narrow to a resource.
WITHOUT_RESOURCES = {
    # Whoever starts an upgrade names the alarms.
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# What may follow a resource's name, by the action that needs it.
WILDCARD_ENDINGS = {
    "lambda:GetFunctionConfiguration": ":*",
    "lambda:InvokeFunction": ":*",  # the function's versions and aliases
    "logs:CreateLogStream": ":*",  # the group's streams
    "logs:PutLogEvents": ":*",
    "scheduler:CreateSchedule": "/*",  # the group's schedules
    "scheduler:DeleteSchedule": "/*",
    "s3:GetObject": "/*",  # the bucket's objects
    "s3:DeleteObject": "/*",
    "s3:PutObject": "/*",
    "s3:AbortMultipartUpload": "/*",
    "s3:ListMultipartUploadParts": "/*",
    "states:GetExecutionHistory": ":*",
    "states:DescribeExecution": ":*",  # the machine's executions
    "states:RedriveExecution": ":*",
    "states:StopExecution": ":*",
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def grants(app: App) -> Iterator[tuple[str, str, str]]:
    """Each policy's path, action and resource."""
    for policy in app.resources:
        if policy.type == "AWS::IAM::Policy":
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                for action in as_list(statement["Action"]):
                    for resource in as_list(statement["Resource"]):
                        yield policy.path, action, resource


def granted(app: App, role: str) -> set[tuple[str, str]]:
    """What a role may do: actions and the last part of the resources' construct ids."""
    names = {r.arn: r.path.rsplit("/", 1)[-1] for r in app.resources if r.arn}
    return {
        (action, names.get(resource, resource))
        for path, action, resource in grants(app)
        if path.startswith(f"{role}/") and action not in WITHOUT_RESOURCES
    }


def test_no_action_is_a_wildcard(deployed: App) -> None:
    assert not [action for _, action, _ in grants(deployed) if "*" in action]


def test_every_wildcard_in_a_resource_has_its_reason(deployed: App) -> None:
    for path, action, resource in grants(deployed):
        if "*" not in resource:
            continue
        if resource == "*":
            assert action in WITHOUT_RESOURCES, (path, action)
        else:
            assert resource.endswith(WILDCARD_ENDINGS[action]), (path, action, resource)
            assert resource.count("*") == 1, (path, action, resource)


def test_no_role_has_a_policy_of_somebody_else(deployed: App) -> None:
    for role in deployed.resources:
        if role.type == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in role.properties, role.path


@pytest.mark.parametrize("service", ["states", "events", "scheduler", "pipes"])
def test_a_service_assumes_its_roles_only_for_this_account(deployed: App, service: str) -> None:
    trusts = [
        statement
        for role in deployed.resources
        if role.type == "AWS::IAM::Role"
        for statement in role.properties["AssumeRolePolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    ]
    assert trusts
    for trust in trusts:
        conditions = {key for test in trust["Condition"].values() for key in test}
        assert conditions == {"aws:SourceAccount", "aws:SourceArn"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            "Orders/ValidateOrder",
            {("events:PutEvents", "arn:aws:events:us-east-1:123456789012:event-bus/default")},
        ),
        (
            "Orders/ReserveStock",
            {
                ("dynamodb:UpdateItem", "Stock"),
                ("dynamodb:GetItem", "Reservations"),
                ("dynamodb:PutItem", "Reservations"),
            },
        ),
        (
            "Orders/ReleaseStock",
            {
                ("dynamodb:UpdateItem", "Stock"),
                ("dynamodb:GetItem", "Reservations"),
                ("dynamodb:UpdateItem", "Reservations"),
            },
        ),
        (
            "Orders/Recorder/RuleRole",
            {("states:StartExecution", "Recorder")},
        ),
        (
            "Orders/Sweep/ScheduleRole",
            {("states:StartExecution", "Sweep"), ("sqs:SendMessage", "LostEvents")},
        ),
        (
            "Orders/Fulfilment",
            {
                ("dynamodb:GetItem", "Orders"),
                ("dynamodb:UpdateItem", "Orders"),
                ("sqs:SendMessage", "WarehouseQueue"),
            },
        ),
    ],
)
def test_a_role_may_do_what_its_work_takes(
    deployed: App, role: str, expected: set[tuple[str, str]]
) -> None:
    found = {grant for grant in granted(deployed, role) if not grant[0].startswith("logs:")}
    assert found == expected


def test_the_order_machine_touches_neither_stock_nor_the_invoices_table(deployed: App) -> None:
    assert {
        (action, resource)
        for action, resource in granted(deployed, "Orders/Order")
        if action.startswith(("dynamodb:", "sqs:"))
    } == {
        ("dynamodb:UpdateItem", "Orders"),
        ("dynamodb:PutItem", "DeadLetters"),
        ("dynamodb:UpdateItem", "DeadLetters"),
        ("sqs:SendMessage", "InvoiceQueue"),
        ("sqs:SendMessage", "OrderDeadLetters"),
    }


def test_the_warehouse_may_answer_the_fulfilment_only(deployed: App) -> None:
    answers = {
        resource
        for action, resource in granted(deployed, "Sandbox/Warehouse")
        if action.startswith("states:")
    }
    assert answers == {"Fulfilment"}
