"""What the template says of HTTP APIs: what AWS would refuse is refused, the rest is listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import InputError
from sfnlocal.template import load_app
from sfnlocal.template.resources import App, Resource
from sfnlocal.testing import load
from sfnlocal.triggers.http_api_resources import not_carried_out, read_http_apis

TEMPLATE = Path(__file__).parent / "http_app.yaml"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
LAMBDA = {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "PayloadFormatVersion": "2.0"}
START = {
    "IntegrationType": "AWS_PROXY",
    "IntegrationSubtype": "StepFunctions-StartExecution",
    "PayloadFormatVersion": "1.0",
    "CredentialsArn": "arn:aws:iam::123456789012:role/r",
    "RequestParameters": {"StateMachineArn": "arn"},
}
REQUEST = {
    "AuthorizerType": "REQUEST",
    "AuthorizerUri": FUNCTION,
    "AuthorizerPayloadFormatVersion": "2.0",
}


def part(kind: str, name: str, **properties: Any) -> Resource:
    type_ = f"AWS::ApiGatewayV2::{kind}"
    given = properties if kind == "Api" else {"ApiId": "api", **properties}
    return Resource("s", name, type_, f"s/{name}", name, "", given, f"t.json#/Resources/{name}")


def app_of(*resources: Resource) -> App:
    api = part("Api", "api", Name="api", ProtocolType="HTTP")
    return App(Path(), "aws", "us-east-1", "123456789012", (api, *resources), (), (), {})


REFUSED = [
    ([part("Route", "R", RouteKey="GET pets")], "R", "neither"),
    ([part("Route", "R", RouteKey="GET /", Target="integrations/gone")], "R", "no integration"),
    (
        [part("Route", "R", RouteKey="GET /"), part("Route", "Again", RouteKey="GET /")],
        "Again",
        "twice",
    ),
    ([part("Route", "R", RouteKey="GET /", AuthorizationType="COGNITO")], "R", "COGNITO"),
    ([part("Route", "R", RouteKey="GET /", AuthorizationType="JWT")], "R", "AuthorizerId"),
    (
        [
            part("Route", "R", RouteKey="GET /", AuthorizationType="JWT", AuthorizerId="A"),
            part("Authorizer", "A", **REQUEST),
        ],
        "R",
        "of type JWT",
    ),
    ([part("Integration", "I", IntegrationType="MOCK")], "I", "'MOCK'"),
    ([part("Integration", "I", **{**LAMBDA, "IntegrationUri": "https://x"})], "I", "no function"),
    ([part("Integration", "I", **{**LAMBDA, "PayloadFormatVersion": "3.0"})], "I", "'3.0'"),
    ([part("Integration", "I", **LAMBDA, TimeoutInMillis=30_001)], "I", "30001"),
    (
        [part("Integration", "I", **{**START, "IntegrationSubtype": "StepFunctions-Redrive"})],
        "I",
        "StepFunctions-Redrive",
    ),
    ([part("Integration", "I", **{**START, "RequestParameters": {}})], "I", "no StateMachineArn"),
    (
        [
            part(
                "Integration",
                "I",
                **{**START, "RequestParameters": {"StateMachineArn": "a", "input": "b"}},
            )
        ],
        "I",
        "unknown input",
    ),
    (
        [part("Integration", "I", **{k: v for k, v in START.items() if k != "CredentialsArn"})],
        "I",
        "CredentialsArn",
    ),
    (
        [part("Integration", "I", **LAMBDA, RequestParameters={"header.x": "y"})],
        "I",
        "nothing that a parameter mapping can change",
    ),
    (
        [part("Integration", "I", **LAMBDA, RequestParameters={"remove:header.Authorization": ""})],
        "I",
        "Authorization is reserved",
    ),
    (
        [
            part(
                "Integration",
                "I",
                **LAMBDA,
                ResponseParameters={"200": {"append:header.X-Amz-Meta": "1"}},
            )
        ],
        "I",
        "X-Amz-Meta is reserved",
    ),
    (
        [part("Integration", "I", **LAMBDA, ResponseParameters={"100": {}})],
        "I",
        "a status from 200",
    ),
    ([part("Authorizer", "A", AuthorizerType="COGNITO")], "A", "COGNITO"),
    (
        [part("Authorizer", "A", AuthorizerType="JWT", IdentitySource=["$request.header.A"])],
        "A",
        "Issuer and Audience",
    ),
    ([part("Authorizer", "A", **{**REQUEST, "AuthorizerUri": "x"})], "A", "no function"),
    (
        [part("Authorizer", "A", **REQUEST, AuthorizerResultTtlInSeconds=10)],
        "A",
        "needs an IdentitySource",
    ),
    (
        [
            part(
                "Authorizer",
                "A",
                **{**REQUEST, "AuthorizerPayloadFormatVersion": "1.0"},
                EnableSimpleResponses=True,
            )
        ],
        "A",
        "simple responses",
    ),
]


@pytest.mark.parametrize(
    ("resources", "name", "said"), REFUSED, ids=[f"{one[1]}: {one[2]}" for one in REFUSED]
)
def test_what_aws_refuses_is_refused_with_the_resource(
    resources: list[Resource], name: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as raised:
        read_http_apis(app_of(*resources))
    assert raised.value.where == f"t.json#/Resources/{name}"


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"ProtocolType": "SOAP"}, "'SOAP'"),
        (
            {"CorsConfiguration": {"AllowOrigins": ["*"], "AllowCredentials": True}},
            "AllowCredentials",
        ),
    ],
)
def test_an_api_that_aws_refuses_is_refused(properties: dict[str, Any], said: str) -> None:
    api = part("Api", "other", **properties)
    with pytest.raises(InputError, match=said):
        read_http_apis(app_of(api))


def test_what_has_no_effect_here_is_listed_with_why() -> None:
    app = load_app(TEMPLATE)
    listed = {resource.logical_id: reason for resource, reason in not_carried_out(app)}
    assert listed == {
        "Socket": "WebSocket APIs are not run here, HTTP APIs are",
        "Imported": "an API that is imported from OpenAPI (Body) is not run here",
        "Rest": "REST APIs are not run here, HTTP APIs (AWS::ApiGatewayV2) are",
        "ProxyIntegration": "HTTP proxy integrations are not called: nothing here leaves this"
        " machine",
        "KinesisIntegration": "Kinesis is not simulated",
    }


def test_only_http_apis_are_read() -> None:
    apis = read_http_apis(load_app(TEMPLATE))
    assert {api.resource.logical_id for api in apis} == {"Shop", "Staged", "Quick"}


@pytest.mark.parametrize("path", ["/orders", "/prod/orders"])
def test_a_path_may_leave_out_the_only_stage(path: str) -> None:
    app = app_of(
        part("Stage", "P", StageName="prod", AutoDeploy=True),
        part("Route", "R", RouteKey="GET /orders"),
    )
    with load(app) as local:
        response = local.session.triggers.http_apis.request("GET", path)
    # The route is there, and has no integration.
    assert (response.status, response.json) == (500, {"message": "Internal Server Error"})


def test_a_disabled_endpoint_answers_nothing() -> None:
    stage = part("Stage", "D", StageName="$default", AutoDeploy=True)
    api = part("Api", "api", ProtocolType="HTTP", DisableExecuteApiEndpoint=True)
    app = App(Path(), "aws", "us-east-1", "123456789012", (api, stage), (), (), {})
    with load(app) as local:
        assert local.session.triggers.http_apis.request("GET", "/").status == 404
