"""Which pages may call an API or read a presigned URL: those of the origins that the context names.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html: API Gateway answers
preflight requests itself, without a route and without a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from sfnlocal.template import App
from sfnlocal.testing import LocalApp, load
from stacks.stage import StageError
from stacks.web_origins import let_pages_read, web_origins
from tests.callers import ask, trust_issuer
from tests.stacks.conftest import SHOP

# Each API, and what pages of other origins may do there. The callers of the others are no pages:
# devices, services, providers, the source host. The form's page has its API's own origin.
PAGES_MAY = {
    "OrderApi": {"GET", "POST"},
    "OperationApi": {"POST"},
    "SalesApi": {"GET"},
    "NotificationApi": set(),
    "DeviceFront": set(),
    "RegistryApi": set(),
    "ReleaseApi": set(),
    "IntakeApi": set(),
}


def cors(context: dict[str, Any]) -> Any:
    stack = cdk.Stack(cdk.App(context=context), "Stack")
    bucket = s3.Bucket(stack, "Files")
    let_pages_read(bucket)
    [resource] = Template.from_stack(stack).find_resources("AWS::S3::Bucket").values()
    return resource.get("Properties", {}).get("CorsConfiguration")


@pytest.fixture(scope="module")
def shop(changed_assembly: Path) -> Iterator[LocalApp]:
    """As deployed for the pages of one origin."""
    with load(changed_assembly) as deployed_for_pages:
        yield deployed_for_pages


def preflight(shop: LocalApp, api: str, path: str, origin: str, method: str) -> Any:
    headers = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,idempotency-key",
    }
    answered = shop.request("OPTIONS", path, api=api, headers=headers)
    return answered.headers.get("access-control-allow-origin"), {
        one for one in answered.headers.get("access-control-allow-methods", "").split(",") if one
    }


@pytest.mark.parametrize("api", PAGES_MAY)
def test_each_api_says_what_pages_may_do(shop: LocalApp, api: str) -> None:
    may = PAGES_MAY[api]
    expected = (SHOP, may) if may else (None, set())
    assert preflight(shop, api, "/", SHOP, "POST") == expected
    assert preflight(shop, api, "/", "https://elsewhere.example", "POST") == (None, set())


def test_every_api_is_here(deployed: App) -> None:
    apis = {one.path.split("/")[-2] for one in deployed.of_type("AWS::ApiGatewayV2::Api")}
    assert apis == set(PAGES_MAY)
    for api in deployed.of_type("AWS::ApiGatewayV2::Api"):
        assert "CorsConfiguration" not in api.properties


def test_a_page_may_send_a_token_and_a_key(shop: LocalApp) -> None:
    asked = {"origin": SHOP, "access-control-request-method": "POST"}
    allowed = shop.request("OPTIONS", "/operations", api="OperationApi", headers=asked)
    assert (allowed.status, allowed.headers["access-control-allow-headers"]) == (
        204,
        "authorization,content-type,idempotency-key",
    )
    # Cookies are nobody's business here.
    assert "access-control-allow-credentials" not in allowed.headers


def test_a_page_reads_what_its_request_is_answered(shop: LocalApp) -> None:
    trust_issuer(shop)
    refused = ask(
        shop, "POST", "/operations", api="OperationApi", json={}, headers={"origin": SHOP}
    )
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (400, SHOP)
    assert refused.headers["access-control-expose-headers"] == "retry-after"


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
