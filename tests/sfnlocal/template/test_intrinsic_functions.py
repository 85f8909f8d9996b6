from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import SfnLocalError, TemplateError
from sfnlocal.template.cloudformation import Stack
from sfnlocal.template.deployment import Deployment
from sfnlocal.template.intrinsic_functions import resolve

SPECIFICATION = json.loads(Path(__file__).with_name("intrinsic_functions.json").read_text("utf-8"))


@pytest.mark.parametrize("case", SPECIFICATION["cases"], ids=lambda case: case["name"])
def test_an_intrinsic_function_does_what_its_page_says(
    case: dict[str, Any], deploy: Callable[..., Deployment]
) -> None:
    stack = deploy(Orders=SPECIFICATION["template"]).stacks[0]
    if "error" in case:
        with pytest.raises(SfnLocalError) as caught:
            resolve(case["value"], stack, "here")
        assert caught.value.message == case["error"]
        assert caught.value.where
    else:
        assert resolve(case["value"], stack, "here") == case["expect"]


def test_an_error_names_the_place_as_a_json_pointer(stack: Callable[..., Stack]) -> None:
    orders = stack({"Queue": {"Type": "AWS::SQS::Queue"}})
    value = {"a/b": [1, {"Fn::Join": ["", [{"Ref": "Nobody"}]]}]}
    with pytest.raises(TemplateError) as caught:
        resolve(value, orders, "Orders.json#/Here")
    assert caught.value.where == "Orders.json#/Here/a~1b/1/Fn::Join/1/0/Ref"


def test_china_has_its_own_partition_and_suffix(stack: Callable[..., Stack]) -> None:
    queue = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders"}}}
    china = stack(queue, region="cn-north-1")
    assert resolve([{"Ref": "Queue"}, {"Fn::GetAtt": ["Queue", "Arn"]}], china, "here") == [
        "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders",
        "arn:aws-cn:sqs:cn-north-1:123456789012:orders",
    ]
