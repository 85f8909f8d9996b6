from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sfnlocal.errors import NeedsAwsError, TemplateError
from sfnlocal.template.cloudformation import Stack
from sfnlocal.template.deployment import Deployment

QUEUE = {"Type": "AWS::SQS::Queue"}


def queue(**properties: Any) -> dict[str, Any]:
    return {**QUEUE, "Properties": properties}


def test_an_export_is_imported_by_another_stack(deploy: Callable[..., Deployment]) -> None:
    export = {"Value": {"Ref": "Orders"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}:Q"}}}
    data = {"Resources": {"Orders": QUEUE}, "Outputs": {"Url": export}}
    shop = {"Resources": {"Copy": queue(QueueName={"Fn::ImportValue": "Data:Q"})}}
    deployment = deploy(Shop=shop, Data=data)
    assert deployment.stacks[0].name_of("Copy") == (
        "https://sqs.us-east-1.amazonaws.com/123456789012/Data-Orders"
    )


def test_an_output_is_read_from_another_stack(deploy: Callable[..., Deployment]) -> None:
    output = {"Fn::GetStackOutput": {"StackName": "Data", "OutputName": "Name"}}
    data = {
        "Resources": {"Orders": QUEUE},
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Orders", "QueueName"]}}},
    }
    deployment = deploy(Shop={"Resources": {"Copy": queue(QueueName=output)}}, Data=data)
    assert deployment.stacks[0].name_of("Copy") == "Data-Orders"


def test_an_output_of_another_region_is_not_found(deploy: Callable[..., Deployment]) -> None:
    output = {
        "Fn::GetStackOutput": {"StackName": "Data", "OutputName": "Name", "Region": "eu-west-1"}
    }
    data = {"Resources": {"Orders": QUEUE}, "Outputs": {"Name": {"Value": "x"}}}
    deployment = deploy(Shop={"Resources": {"Copy": queue(QueueName=output)}}, Data=data)
    with pytest.raises(NeedsAwsError, match="the app has no stack Data in eu-west-1"):
        deployment.stacks[0].name_of("Copy")


def test_an_output_whose_condition_is_false_is_no_output(stack: Callable[..., Stack]) -> None:
    orders = stack(
        {"Queue": QUEUE},
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
        Outputs={"Gone": {"Condition": "Never", "Value": "x"}, "Here": {"Value": "y"}},
    )
    assert orders.outputs() == ["Here"]
    with pytest.raises(TemplateError, match="the stack Orders has no output Gone"):
        orders.output("Gone", "here")


def test_a_name_that_leads_back_to_itself_is_a_circle(stack: Callable[..., Stack]) -> None:
    orders = stack(
        {
            "A": queue(QueueName={"Fn::GetAtt": ["B", "QueueName"]}),
            "B": queue(QueueName={"Fn::Sub": "${A.QueueName}-b"}),
        }
    )
    with pytest.raises(TemplateError, match="circular reference: ") as caught:
        orders.ref("A", "here")
    assert "Orders/Resources/B/Properties/QueueName" in caught.value.message


def test_exports_that_lead_back_to_themselves_are_a_circle(
    deploy: Callable[..., Deployment],
) -> None:
    def importing(name: str, other: str) -> dict[str, Any]:
        value = {"Fn::ImportValue": other}
        return {
            "Resources": {"Q": QUEUE},
            "Outputs": {"O": {"Value": value, "Export": {"Name": name}}},
        }

    deployment = deploy(A=importing("a", "b"), B=importing("b", "a"))
    with pytest.raises(TemplateError, match="circular reference: A/Outputs/O/Value -> B/"):
        deployment.stacks[0].output("O", "here")


def test_after_a_circle_the_stack_still_answers(stack: Callable[..., Stack]) -> None:
    orders = stack({"A": queue(QueueName={"Ref": "A"}), "B": QUEUE})
    for _ in range(2):
        with pytest.raises(TemplateError, match="circular reference"):
            orders.ref("A", "here")
    assert orders.name_of("B") == "Orders-B"


def test_the_default_childs_id_is_left_out_of_the_path(stack: Callable[..., Stack]) -> None:
    def at(path: str) -> dict[str, Any]:
        return {**QUEUE, "Metadata": {"aws:cdk:path": path}}

    orders = stack(
        {"A": at("Orders/Queue/Resource"), "B": at("Orders/L1"), "C": at("Resource"), "D": QUEUE}
    )
    paths = [orders.construct_path(name) for name in "ABCD"]
    assert paths == ["Orders/Queue", "Orders/L1", "Resource", "D"]


def test_a_part_of_a_property_resolves_alone(stack: Callable[..., Stack]) -> None:
    tags = {"known": "x", "secret": "{{resolve:secretsmanager:s}}"}
    orders = stack(
        {"Q": queue(Tags=tags, Other={"Fn::If": ["Yes", {"a": 1}, {"b": 2}]})},
        Conditions={"Yes": {"Fn::Equals": [1, 1]}},
    )
    assert orders.part("Q", "Tags", "known") == "x"
    assert orders.part("Q", "Tags", "missing") is None
    assert orders.part("Q", "Other", "a") == 1
    with pytest.raises(NeedsAwsError):
        orders.part("Q", "Tags", "secret")
