"""The form intake's stack: who may do what, how much of it, and that nothing of it is a single
point."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from lambdas.intake.form import FIELDS, Choice, Consent, Submission
from sfnlocal.template import App
from tests.stacks.conftest import Templates
from tests.stacks.test_grants import WITHOUT_RESOURCES, grants


def of_stack(app: App, kind: str) -> list[dict[str, Any]]:
    return [dict(one.properties) for one in app.of_type(kind) if one.path.startswith("Intake/")]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Intake", {("dynamodb:UpdateItem", "Submissions")}),
        ("TakeSubmission", {("states:StartSyncExecution", "Intake")}),
        ("ShowForm", set()),
    ],
)
def test_each_role_may_do_what_its_work_needs(
    deployed: App, role: str, expected: set[tuple[str, str]]
) -> None:
    names = {
        one.arn: one.path.removesuffix("/Resource").split("/")[1] for one in deployed.resources
    }
    assert {
        (action, names.get(resource, resource))
        for path, action, resource in grants(deployed)
        if path.startswith(f"Intake/{role}/")
        and action not in WITHOUT_RESOURCES
        and not action.startswith("logs:")
    } == expected


def test_both_routes_are_public_and_throttled_by_themselves(deployed: App) -> None:
    routes = {
        route["RouteKey"]: route["AuthorizationType"]
        for route in of_stack(deployed, "AWS::ApiGatewayV2::Route")
    }
    assert routes == {"GET /": "NONE", "POST /submissions": "NONE"}
    [stage] = of_stack(deployed, "AWS::ApiGatewayV2::Stage")
    assert stage["RouteSettings"] == {
        "GET /": {"ThrottlingRateLimit": 20, "ThrottlingBurstLimit": 40},
        "POST /submissions": {"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
    }
    assert not of_stack(deployed, "AWS::ApiGatewayV2::Authorizer")


def test_the_table_takes_what_comes_and_can_be_restored(production: Templates) -> None:
    [table] = [
        one
        for one in production["intake-prod"]["Resources"].values()
        if one["Type"] == "AWS::DynamoDB::Table"
    ]
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True
    }
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"


def test_the_machine_is_express(deployed: App) -> None:
    [machine] = of_stack(deployed, "AWS::StepFunctions::StateMachine")
    assert machine["StateMachineType"] == "EXPRESS"


def test_the_form_asks_for_what_a_submission_is() -> None:
    kinds = {field.name: bool if isinstance(field, Consent) else str for field in FIELDS}
    assert kinds == get_type_hints(Submission)
    for field in FIELDS:
        assert field.label
        assert field.problem
        if isinstance(field, Choice):
            assert all(field.options.items())
