from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sfnlocal.errors import NeedsAwsError, TemplateError
from sfnlocal.template.deployment import Deployment

# A template needs a resource; no test looks at it.
NOTHING = {"Group": {"Type": "AWS::Logs::LogGroup"}}


def value(
    deploy: Callable[..., Deployment],
    declaration: Mapping[str, Any],
    given: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
) -> Any:
    template = {"Parameters": {"It": declaration}, "Resources": resources or NOTHING}
    return deploy(parameters=given, Orders=template).stacks[0].ref("It", "here")


def test_a_given_value_wins_over_the_default(deploy: Callable[..., Deployment]) -> None:
    declaration = {"Type": "String", "Default": "dev"}
    assert value(deploy, declaration, {"It": "prod"}) == "prod"


def test_a_value_given_for_the_stack_wins_over_one_for_all(
    deploy: Callable[..., Deployment],
) -> None:
    given = {"It": "all", "Orders:It": "mine", "Other:It": "others"}
    assert value(deploy, {"Type": "String"}, given) == "mine"


def test_lists_are_split(deploy: Callable[..., Deployment]) -> None:
    assert value(deploy, {"Type": "List<Number>", "Default": "1,2"}) == ["1", "2"]


def test_a_value_that_is_not_allowed_is_refused(deploy: Callable[..., Deployment]) -> None:
    declaration = {"Type": "String", "AllowedValues": ["dev", "prod"]}
    with pytest.raises(TemplateError, match="'test' is not one of"):
        value(deploy, declaration, {"It": "test"})


def test_a_missing_value_says_how_to_give_one(deploy: Callable[..., Deployment]) -> None:
    with pytest.raises(NeedsAwsError) as caught:
        value(deploy, {"Type": "String"})
    assert caught.value.where == "Orders.json#/Parameters/It"
    assert caught.value.hint == "give its value: load_app(..., parameters={'It': '...'})"


def test_the_bootstrap_version_is_high_enough(deploy: Callable[..., Deployment]) -> None:
    name = "/cdk-bootstrap/hnb659fds/version"
    version = value(deploy, {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name})
    assert int(version) >= 6


def test_a_powertools_layer_has_an_arn_of_the_published_shape(
    deploy: Callable[..., Deployment],
) -> None:
    name = "/aws/service/powertools/python/arm64/python3.14/3.37.0"
    declaration = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name}
    assert value(deploy, declaration) == (
        "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python314-arm64:1"
    )


def test_a_systems_manager_parameter_of_the_app_gives_its_value(
    deploy: Callable[..., Deployment],
) -> None:
    stored = {
        "Other": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "?"}},
        "Stored": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/app/zones", "Type": "StringList", "Value": "a,b"},
        },
    }
    declaration = {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/app/zones"}
    assert value(deploy, declaration, resources=stored) == ["a", "b"]


def test_a_systems_manager_parameter_can_be_given_by_its_name(
    deploy: Callable[..., Deployment],
) -> None:
    declaration = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shared/vpc"}
    assert value(deploy, declaration, {"/shared/vpc": "vpc-1"}) == "vpc-1"


def test_an_unknown_systems_manager_parameter_is_named_with_the_way_out(
    deploy: Callable[..., Deployment],
) -> None:
    declaration = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shared/vpc"}
    with pytest.raises(NeedsAwsError, match="/shared/vpc is not known without AWS") as caught:
        value(deploy, declaration)
    assert caught.value.hint == "give its value: load_app(..., parameters={'/shared/vpc': '...'})"


def test_a_stored_parameter_whose_name_needs_aws_does_not_hide_others(
    deploy: Callable[..., Deployment],
) -> None:
    stored = {
        "Secretive": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "{{resolve:secretsmanager:x}}", "Value": "?"},
        },
        "Stored": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/a", "Value": "v"}},
    }
    declaration = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}
    assert value(deploy, declaration, resources=stored) == "v"


def test_a_secret_can_be_given_by_its_dynamic_reference(deploy: Callable[..., Deployment]) -> None:
    declaration = {"Type": "String", "Default": "x"}
    group = {"LogGroupName": "{{resolve:secretsmanager:name:SecretString}}"}
    resources = {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": group}}
    template = {"Parameters": {"It": declaration}, "Resources": resources}
    given = {"resolve:secretsmanager:name:SecretString": "hidden"}
    orders = deploy(parameters=given, Orders=template).stacks[0]
    assert orders.ref("Group", "here") == "hidden"
