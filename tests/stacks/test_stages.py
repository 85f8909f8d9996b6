"""What differs between stages, and what a stage must say."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest

from stacks.stage import Stage, StageError
from tests.stacks.conftest import Templates


def resources(template: dict[str, Any], type_name: str) -> list[dict[str, Any]]:
    return [r for r in template["Resources"].values() if r["Type"] == type_name]


def test_the_sandbox_is_deployed_in_dev_only(production: Templates, deployed: Any) -> None:
    assert "orders-prod" in production
    assert all(name.endswith("-prod") for name in production)
    stacks = {r.stack for r in deployed.resources}
    assert stacks >= {"orders-dev", "orders-dev-sandbox", "reports-dev", "callers-dev-sandbox"}


def test_production_keeps_what_holds_data(production: Templates) -> None:
    kinds = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Logs::LogGroup")
    for kind in kinds:
        for resource in resources(production["orders-prod"], kind):
            assert resource["DeletionPolicy"] == "Retain"


def test_production_charges_through_the_function_it_names(production: Templates) -> None:
    charged = [
        f["Properties"]["Environment"]["Variables"]["PAYMENT_PROVIDER_FUNCTION"]
        for f in resources(production["orders-prod"], "AWS::Lambda::Function")
        if f["Properties"]["Handler"].endswith("charge_payment.handler")
    ]
    assert charged == ["payments-live-charge"]


def test_a_stage_without_a_sandbox_must_name_the_payment_provider() -> None:
    node = cdk.App(context={"stage": "test"}).node
    with pytest.raises(StageError, match="paymentProviderFunction"):
        Stage.from_context(node)


def test_the_stage_is_dev_by_default() -> None:
    assert Stage.from_context(cdk.App().node).name == "dev"


def test_account_and_region_may_be_fixed(full_production: Templates) -> None:
    template = full_production["orders-prod"]
    (rule_role,) = [
        role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
        for role in resources(template, "AWS::IAM::Role")
        if "events.amazonaws.com" in str(role)
    ]
    assert rule_role["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}
