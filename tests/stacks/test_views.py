"""The views of sales: who may do what, and how long what is kept."""

from __future__ import annotations

import pytest

from lambdas.views.payloads import KEPT_DAYS, VIEW_DAYS
from sfnlocal.template import App
from tests.stacks.conftest import Templates
from tests.stacks.test_grants import granted, grants
from workflows.recompute_view import SETTLED_AFTER_MS
from workflows.record_sale import LATE_DAYS_MAX, LEDGER_DAYS, MACHINE_TIME_OUT


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Views/CountSales", {("s3:GetObject", "sales/*")}),
        ("Views/BuildView", {("s3:GetObject", "results/*"), ("s3:PutObject", "views/*")}),
        ("Views/ReadManifest", {("dynamodb:Query", "SalesCounters")}),
        (
            "Views/ReadSales",
            {
                ("dynamodb:GetItem", "ViewPointers"),
                ("dynamodb:Query", "SalesCounters"),
                ("s3:GetObject", "views/*"),
            },
        ),
        (
            "Views/RecordSale",
            {
                ("dynamodb:GetItem", "SalesLedger"),
                ("dynamodb:PutItem", "SalesLedger"),
                ("dynamodb:UpdateItem", "SalesCounters"),
                ("s3:PutObject", "sales/*"),
                ("sqs:SendMessage", "RejectedSales"),
            },
        ),
    ],
)
def test_each_role_may_do_its_work_and_nothing_else(
    deployed: App, role: str, expected: set[tuple[str, str]]
) -> None:
    found = {
        (action, "/".join(name.split("/")[-2:]) if ":::" in name else name)
        for action, name in granted(deployed, role)
        if not action.startswith("logs:")
    }
    objects = {
        (a, f"{name.split('/')[-2]}/*" if name.endswith("/*") else name) for a, name in found
    }
    assert objects == expected


def test_nobody_removes_what_came(deployed: App) -> None:
    """Only views can be deleted, and only by the machine that makes them."""
    deleting = {
        (path, resource.rsplit("/", 2)[-2])
        for path, action, resource in grants(deployed)
        if path.startswith("Views/") and action.startswith("s3:Delete")
    }
    assert {folder for _, folder in deleting} == {"views"}
    assert all(path.startswith("Views/RecomputeView/") for path, _ in deleting)


def test_what_a_view_is_made_of_is_kept_as_long_as_the_view_may_be_made(deployed: App) -> None:
    [bucket] = [one for one in deployed.of_type("AWS::S3::Bucket") if "SalesFiles" in one.path]
    rules = bucket.properties["LifecycleConfiguration"]["Rules"]
    days = {rule.get("Prefix", ""): rule["ExpirationInDays"] for rule in rules}
    assert days == {"": KEPT_DAYS, "results/": 7}
    assert KEPT_DAYS > VIEW_DAYS + LATE_DAYS_MAX
    # What the ledger has forgotten is too late, however long its message was on its way.
    assert LEDGER_DAYS >= LATE_DAYS_MAX + 14 + 14


def test_an_arrival_is_committed_before_its_hour_is_settled() -> None:
    assert MACHINE_TIME_OUT.to_milliseconds() < SETTLED_AFTER_MS


def test_without_an_issuer_there_is_no_route(production: Templates) -> None:
    template = production["sales-prod"]["Resources"].values()
    types = {resource["Type"] for resource in template}
    assert "AWS::StepFunctions::StateMachine" in types
    assert "AWS::ApiGatewayV2::Api" not in types
