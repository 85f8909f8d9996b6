"""Every route of every HTTP API: who may call it, and how much it takes.

A JWT authorizer checks signature, issuer, audience and time before the integration is asked:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
A route's own throttling stands in the stage's RouteSettings:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sfnlocal.template import App
from sfnlocal.testing import LocalApp, load
from tests.callers import BAD_TOKENS, ask, bad_token, trust_issuer

# By API: the routes that take a token of the issuer.
WITH_TOKEN = (
    ("OrderApi", "POST /orders"),
    ("OrderApi", "GET /orders/{orderId}"),
    ("OperationApi", "POST /operations"),
    ("NotificationApi", "POST /notifications"),
    ("NotificationApi", "POST /notifications/batch"),
    ("DeviceFront", "POST /devices/{deviceId}/readings"),
    ("SalesApi", "GET /sales/{sku}/{day}"),
    ("RegistryApi", "POST /register"),
    ("RegistryApi", "DELETE /register"),
    ("RegistryApi", "POST /heartbeat"),
    ("RegistryApi", "POST /discover"),
)
# Those that anybody may call. Two of them check a signature over the body.
PUBLIC = (
    ("NotificationApi", "POST /callbacks"),
    ("ReleaseApi", "POST /webhooks/releases"),
    ("IntakeApi", "GET /"),
    ("IntakeApi", "POST /submissions"),
)
WITH_BODY = tuple(one for one in (*WITH_TOKEN, *PUBLIC) if "POST" in one[1])
# More than any route takes.
TOO_LARGE = b'"' + b"x" * 300_000 + b'"'


@pytest.fixture(scope="module")
def app(assembly: Path) -> Iterator[LocalApp]:
    with load(assembly) as deployed_app:
        deployed_app.pause_schedules()
        trust_issuer(deployed_app)
        yield deployed_app


def method_and_path(route: str) -> tuple[str, str]:
    method, path = route.split()
    # The caller of the requests below is c-7.
    values = {"orderId": "o-1", "deviceId": "c-7", "sku": "s-1", "day": "2026-01-01"}
    return method, path.format(**values)


def test_every_route_is_decided(deployed: App) -> None:
    decided = {
        (one.path.split("/")[-3], one.properties["RouteKey"]): one.properties["AuthorizationType"]
        for one in deployed.of_type("AWS::ApiGatewayV2::Route")
    }
    assert decided == {
        **dict.fromkeys(WITH_TOKEN, "JWT"),
        **dict.fromkeys(PUBLIC, "NONE"),
    }


def test_every_public_route_is_throttled_by_itself(deployed: App) -> None:
    limited = {
        (stage.path.split("/")[1], route)
        for stage in deployed.of_type("AWS::ApiGatewayV2::Stage")
        for route, limits in stage.properties.get("RouteSettings", {}).items()
        if limits["ThrottlingRateLimit"] <= 20 and limits["ThrottlingBurstLimit"] <= 40
    }
    assert limited == set(PUBLIC)


@pytest.mark.parametrize("name", BAD_TOKENS)
@pytest.mark.parametrize(("api", "route"), WITH_TOKEN)
def test_a_caller_without_a_good_token_reaches_nothing(
    app: LocalApp, api: str, route: str, name: str
) -> None:
    method, path = method_and_path(route)
    headers = {"idempotency-key": "k", **bad_token(app, name)}
    calls: list[object] = []
    app.session.aws.observe(lambda *call: calls.append(call))
    refused = app.request(method, path, api=api, headers=headers, json={})
    assert (refused.status, refused.json) == (401, {"message": "Unauthorized"})
    assert calls == []


@pytest.mark.parametrize(("api", "route"), WITH_BODY)
def test_what_is_too_large_is_answered_so(app: LocalApp, api: str, route: str) -> None:
    method, path = method_and_path(route)
    headers = {"idempotency-key": "k", "content-type": "application/json"}
    refused = ask(app, method, path, api=api, headers=headers, body=TOO_LARGE)
    assert (refused.status, refused.json["error"]) == (413, "BodyTooLarge")
