"""Which pages may read a presigned URL: only those of the origins that the context names."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from sfnlocal.template import App
from stacks.stage import StageError
from stacks.web_origins import let_pages_read, web_origins

SHOP = "https://shop.example"


def cors(context: dict[str, Any]) -> Any:
    stack = cdk.Stack(cdk.App(context=context), "Stack")
    bucket = s3.Bucket(stack, "Files")
    let_pages_read(bucket)
    [resource] = Template.from_stack(stack).find_resources("AWS::S3::Bucket").values()
    return resource.get("Properties", {}).get("CorsConfiguration")


@pytest.mark.parametrize("given", [[SHOP], '["https://shop.example"]'])
def test_pages_of_a_named_origin_may_get(given: object) -> None:
    [rule] = cors({"webOrigins": given})["CorsRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["GET"], [SHOP])


def test_without_an_origin_no_page_may_read(deployed: App) -> None:
    assert cors({}) is None
    [files] = [one for one in deployed.of_type("AWS::S3::Bucket") if "/OperationFiles" in one.path]
    assert "CorsConfiguration" not in files.properties


@pytest.mark.parametrize("given", ["*", '["*"]', [""], ["shop.example"], {"a": 1}])
def test_what_is_no_origin_is_refused(given: object) -> None:
    node = cdk.App(context={"webOrigins": given}).node
    with pytest.raises(StageError, match="webOrigins"):
        web_origins(node)
