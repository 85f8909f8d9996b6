from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import (  # type: ignore[import-untyped]
    PROVIDER_SCHEMA_MANAGER,
)

from sfnlocal.errors import TemplateError
from sfnlocal.template.attributes import KINDS
from sfnlocal.template.cloudformation import Stack

CASES = json.loads(Path(__file__).with_name("attributes.json").read_text("utf-8"))["cases"]
SHAPES = {
    "<uuid>": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<id>": "[0-9a-f]{10}",
    "<upper>": "[0-9A-F]{17}",
    "<id17>": "[0-9a-f]{17}",
    "<id6>": "[0-9a-f]{6}",
}


def _has_shape(text: str, expected: str) -> bool:
    pattern = re.escape(expected)
    for shape, regexp in SHAPES.items():
        pattern = pattern.replace(re.escape(shape), regexp)
    return re.fullmatch(pattern, text) is not None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_type_gives_what_its_page_says(case: dict[str, Any], stack: Callable[..., Stack]) -> None:
    orders = stack({"It": {"Type": case["type"], "Properties": case.get("properties", {})}})
    if "error" in case:
        with pytest.raises(TemplateError, match=case["error"]):
            orders.ref("It", "here")
        return
    if "ref" in case:
        assert _has_shape(orders.ref("It", "here"), case["ref"]), orders.ref("It", "here")
    for attribute, expected in case.get("attributes", {}).items():
        value = orders.attribute("It", attribute, "here")
        assert _has_shape(value, expected), value


@pytest.mark.parametrize("type_name", KINDS)
def test_the_table_agrees_with_cloudformations_registry(type_name: str) -> None:
    """Names of attributes and of the property that names a resource, and how long a name may be,
    as the schemas that cfn-lint ships have them."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_name)
    kind = KINDS[type_name]
    unknown = [name for name in kind.attributes if name not in schema.get_atts]
    assert unknown == []
    if kind.name_property:
        longest = schema.schema["properties"][kind.name_property].get("maxLength")
        assert longest is None or kind.name_chars_max <= longest


def test_versions_of_one_function_count_up(stack: Callable[..., Stack]) -> None:
    version = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": "f"}}
    other = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": "g"}}
    orders = stack({"A": version, "B": other, "C": version})
    assert [orders.attribute(name, "Version", "here") for name in "ABC"] == ["1", "1", "2"]


def test_a_table_without_a_stream_has_no_stream_arn(stack: Callable[..., Stack]) -> None:
    orders = stack({"Table": {"Type": "AWS::DynamoDB::Table"}})
    with pytest.raises(TemplateError, match="the table has no stream"):
        orders.attribute("Table", "StreamArn", "here")


def test_a_rule_that_needs_a_missing_property_names_it(stack: Callable[..., Stack]) -> None:
    orders = stack({"Alias": {"Type": "AWS::Lambda::Alias", "Properties": {"Name": "live"}}})
    with pytest.raises(TemplateError, match="the property FunctionName is missing") as caught:
        orders.ref("Alias", "here")
    assert caught.value.where == "Orders.json#/Resources/Alias"


@pytest.mark.parametrize(
    ("type_name", "chars_max"),
    [
        ("AWS::StepFunctions::StateMachine", 80),
        ("AWS::SQS::Queue", 80),
        ("AWS::Lambda::Function", 64),
        ("AWS::S3::Bucket", 63),
        ("AWS::IAM::Role", 64),
        ("AWS::Events::Rule", 64),
        ("AWS::Scheduler::Schedule", 64),
    ],
)
def test_made_names_fit_the_types_limit(
    type_name: str, chars_max: int, stack: Callable[..., Stack]
) -> None:
    long = "L" * 120
    orders = stack({long: {"Type": type_name}, long + "2": {"Type": type_name}})
    names = {orders.name_of(long), orders.name_of(long + "2")}
    assert len(names) == 2
    assert {len(name) for name in names} == {chars_max}
