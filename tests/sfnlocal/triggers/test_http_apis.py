"""Requests to HTTP APIs: each case is a request and the response that AWS's documentation has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.ports import Caller, ServiceCall
from sfnlocal.testing import LocalApp, load
from sfnlocal.triggers.http_apis import HttpApis
from sfnlocal.triggers.http_messages import HttpResponse

TEMPLATE = Path(__file__).parent / "http_app.yaml"
CASES = json.loads((Path(__file__).parent / "data" / "http_cases.json").read_text())


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(TEMPLATE, iam=False, seed=7) as app:
        yield app


@pytest.fixture
def apis(app: LocalApp) -> HttpApis:
    return app.session.triggers.http_apis


def send(apis: HttpApis, method: str, path: str, **options: Any) -> HttpResponse:
    options.setdefault("api", "Shop")
    if "json" in options:
        options["body"] = json.dumps(options.pop("json"))
    return apis.request(method, path, **options)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_request_is_answered_as_documented(apis: HttpApis, case: dict[str, Any]) -> None:
    for before in case.get("before", []):
        send(apis, **before)
    response = send(apis, **case["request"])
    expected = case["response"]
    assert response.status == expected["status"], response.text
    for name, value in expected.get("headers", {}).items():
        assert response.headers.get(name) == value
    if "json" in expected:
        assert response.json == expected["json"]
    if "has" in expected:
        assert expected["has"].items() <= response.json.items()
    if "text" in expected:
        assert response.text == expected["text"]
    if "contains" in expected:
        assert all(part in response.text for part in expected["contains"])
    assert list(response.cookies) == expected.get("cookies", [])


# What functions get


def event(response: HttpResponse) -> dict[str, Any]:
    assert response.status == 200, response.text
    found: dict[str, Any] = response.json
    return found


def test_a_function_gets_format_2(app: LocalApp, apis: HttpApis) -> None:
    response = send(
        apis,
        "PATCH",
        "/any/a%20b/c/d?x=1&y=&x=2",
        headers={"Cookie": "k=v; l=w", "User-Agent": "test", "X-Two": "1,2"},
        body="text",
        source_ip="203.0.113.9",
    )
    got = event(response)
    headers, context = got.pop("headers"), got.pop("requestContext")
    assert got == {
        "version": "2.0",
        "routeKey": "ANY /any/{id}/{rest+}",
        "rawPath": "/any/a b/c/d",
        "rawQueryString": "x=1&y=&x=2",
        "cookies": ["k=v", "l=w"],
        "queryStringParameters": {"x": "1,2", "y": ""},
        "pathParameters": {"id": "a b", "rest": "c/d"},
        "body": "text",
        "isBase64Encoded": False,
    }
    assert headers["x-two"] == "1,2"
    assert headers["content-length"] == "4"
    assert headers["x-forwarded-for"] == "203.0.113.9"
    assert headers["x-forwarded-proto"] == "https"
    assert "cookie" not in headers
    api_id = context["apiId"]
    assert context == {
        "accountId": "123456789012",
        "apiId": api_id,
        "domainName": f"{api_id}.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": api_id,
        "http": {
            "method": "PATCH",
            "path": "/any/a b/c/d",
            "protocol": "HTTP/1.1",
            "sourceIp": "203.0.113.9",
            "userAgent": "test",
        },
        "requestId": response.headers["apigw-requestid"],
        "routeKey": "ANY /any/{id}/{rest+}",
        "stage": "$default",
        "time": "01/Jan/2026:00:00:00 +0000",
        "timeEpoch": app.session.now_ms,
    }


def test_what_a_request_does_not_have_is_left_out_of_format_2(apis: HttpApis) -> None:
    got = event(send(apis, "GET", "/judge", headers={"x-word": "open"}))
    assert got["rawQueryString"] == ""
    assert not {"cookies", "queryStringParameters", "pathParameters", "body"} & got.keys()
    assert "stageVariables" not in got


def test_a_function_gets_format_1(apis: HttpApis) -> None:
    got = event(send(apis, "GET", "/echo1/7?x=1&x=2", headers={"X-Two": "1,2"}))
    assert got["version"] == "1.0"
    assert (got["resource"], got["path"], got["httpMethod"]) == ("/echo1/{id}", "/echo1/7", "GET")
    assert got["queryStringParameters"] == {"x": "2"}
    assert got["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert got["multiValueHeaders"]["x-two"] == ["1,2"]
    assert got["pathParameters"] == {"id": "7"}
    assert got["stageVariables"] is None
    assert (got["body"], got["isBase64Encoded"]) == (None, False)
    assert got["requestContext"]["authorizer"] == {"claims": None, "scopes": None}
    assert got["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert got["requestContext"]["requestTime"] == "01/Jan/2026:00:00:00 +0000"


@pytest.mark.parametrize(
    ("content_type", "body", "sent"),
    [
        ("application/json; charset=utf-8", b"{}", ("{}", False)),
        ("application/problem+json", b"{}", ("{}", False)),
        ("text/csv", "ä".encode(), ("ä", False)),
        ("text/plain", b"\xff", ("/w==", True)),
        ("application/octet-stream", b"abc", ("YWJj", True)),
        ("application/x-www-form-urlencoded", b"a=1", ("YT0x", True)),
        (None, b"abc", ("abc", False)),
    ],
)
def test_a_body_is_text_or_base64_by_its_type(
    apis: HttpApis, content_type: str | None, body: bytes, sent: tuple[str, bool]
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    got = event(send(apis, "POST", "/any/1/2", headers=headers, body=body))
    assert (got["body"], got["isBase64Encoded"]) == sent


def test_parameters_are_mapped_on_the_way_to_a_function(apis: HttpApis) -> None:
    sent = {"x-seen": "before", "x-gone": "1", "x-page": "3"}
    response = send(apis, "GET", "/maps/7?page=2", headers=sent)
    got = event(response)
    assert got["headers"]["x-id"] == response.headers["apigw-requestid"]
    assert got["headers"]["x-seen"] == f"seen by {got['requestContext']['apiId']}"
    assert "x-gone" not in got["headers"]
    assert got["queryStringParameters"] == {"page": "2,3"}
    assert got["rawQueryString"] == "page=2&page=3"
    assert got["rawPath"] == "/mapped/7"


def test_a_mapping_that_finds_nothing_changes_nothing(apis: HttpApis) -> None:
    assert event(send(apis, "GET", "/maps/7"))["rawQueryString"] == ""


# Stages, throttling, CORS


def test_a_named_stage_is_in_the_path_and_has_variables(apis: HttpApis) -> None:
    got = event(send(apis, "GET", "/a/b", api="Staged", stage="test"))
    assert got["rawPath"] == "/test/a/b"
    assert got["requestContext"]["http"]["path"] == "/test/a/b"
    assert (got["requestContext"]["stage"], got["routeKey"]) == ("test", "$default")
    assert got["stageVariables"] == {"name": "echo"}


@pytest.mark.parametrize(
    ("url", "status"),
    [("/test", 200), ("/test/", 200), ("/later/x", 404), ("/other/x", 404), ("/tester", 404)],
)
def test_a_url_names_api_and_stage(apis: HttpApis, url: str, status: int) -> None:
    api = apis.gateway.find("Staged")
    host = f"https://{api.id}.execute-api.us-east-1.amazonaws.com"
    assert apis.request("GET", host + url).status == status


def test_a_quick_api_has_a_default_stage_and_route(apis: HttpApis) -> None:
    assert event(send(apis, "PUT", "/x", api="Quick"))["routeKey"] == "$default"


def test_tokens_come_back_in_virtual_time(app: LocalApp, apis: HttpApis) -> None:
    def burst() -> list[int]:
        return [send(apis, "GET", "/rare").status for _ in range(3)]

    assert burst() == [200, 200, 429]
    app.advance(seconds=2)
    assert burst() == [200, 429, 429]
    app.advance(hours=1)
    assert burst() == [200, 200, 429]
    assert send(apis, "POST", "/echo", body="{}").status == 200


def test_a_stages_limit_is_for_its_routes_together(apis: HttpApis) -> None:
    statuses = [send(apis, "GET", f"/{n}", api="Staged", stage="test").status for n in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_a_preflight_request_is_answered_by_the_api(app: LocalApp, apis: HttpApis) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    response = send(apis, "OPTIONS", "/x", api="Staged", stage="test", headers=asked)
    headers = dict(response.headers)
    headers.pop("apigw-requestid")
    assert (response.status, response.body) == (204, b"")
    assert headers == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization",
        "access-control-allow-credentials": "true",
        "access-control-max-age": "300",
        "vary": "Origin",
    }
    assert len(app.session.aws.timeline) == 0


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", "https://shop.example"),
        ("http://any.example:8080", "http://any.example:8080"),
        ("https://other.example", None),
    ],
)
def test_cors_headers_are_the_apis_not_the_functions(
    apis: HttpApis, origin: str, allowed: str | None
) -> None:
    answer = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "x": "1"}}
    body = json.dumps({"answer": answer})
    response = send(
        apis, "POST", "/x", api="Staged", stage="test", headers={"Origin": origin}, body=body
    )
    assert response.headers.get("access-control-allow-origin") == allowed
    exposed = None if allowed is None else "x-total"
    assert response.headers.get("access-control-expose-headers") == exposed
    assert response.headers["x"] == "1"


def test_an_event_is_put_as_one_entry(app: LocalApp, apis: HttpApis) -> None:
    heard: list[Any] = []
    app.session.aws.observe(lambda *call: heard.append(call))
    detail = {"type": "t", "detail": {"n": 1}}
    assert send(apis, "POST", "/event", json=detail).json["FailedEntryCount"] == 0
    [(service, operation, params, _)] = heard
    assert (service, operation) == ("events", "PutEvents")
    assert params == {"Entries": [{"Source": "shop", "DetailType": "t", "Detail": '{"n":1}'}]}


def test_more_than_the_quotas_is_refused(apis: HttpApis) -> None:
    assert send(apis, "POST", "/echo", body=b" " * (10 * 1024 * 1024 + 1)).status == 413
    assert send(apis, "GET", "/rare", headers={"x": "y" * 10_240}).status == 431


# What is started, and what is told


def test_a_request_starts_an_execution(app: LocalApp, apis: HttpApis) -> None:
    response = send(apis, "POST", "/start", body='{"id": 1}')
    [run] = app.executions("Order")
    assert response.json["executionArn"] == run.execution.arn
    assert run.execution.input == {"id": 1}
    app.run_until_idle()
    assert run.status == "SUCCEEDED"


def test_the_timeline_says_what_requests_started(app: LocalApp, apis: HttpApis) -> None:
    started = send(apis, "POST", "/named", json={"id": "one", "order": {}}).json["executionArn"]
    send(apis, "POST", "/named", json={"id": "one", "order": {"a": 1}})
    send(apis, "GET", "/nowhere")
    api = apis.gateway.find("Shop")
    first, second = app.session.aws.timeline
    machine = app.session.find("Order").arn
    source = f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/$default/POST/named"
    assert (first.source_arn, first.target_arn, first.started, first.error) == (
        source,
        machine,
        started,
        "",
    )
    assert first.why == "POST /named (POST /named)"
    assert second.error.startswith("ExecutionAlreadyExists: ")


def test_the_same_seed_gives_the_same_request_ids() -> None:
    def ids(seed: int) -> list[str]:
        with load(TEMPLATE, iam=False, seed=seed) as app:
            apis = app.session.triggers.http_apis
            return [send(apis, "GET", "/x").headers["apigw-requestid"] for _ in range(2)]

    first = ids(1)
    assert first == ids(1)
    assert first != ids(2)
    assert len(set(first)) == 2


def test_a_response_takes_the_functions_virtual_time(apis: HttpApis) -> None:
    assert send(apis, "POST", "/echo", json={"sleep": 2.5, "answer": 1}).elapsed_ms == 2500
    assert send(apis, "POST", "/echo", json={"sleep": 45, "answer": 1}).elapsed_ms == 30_000


# What cannot be


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/proxy", "HTTP proxy integrations are not called"),
        ("/kinesis", "Kinesis is not simulated"),
    ],
)
def test_an_integration_that_is_not_here_is_refused_by_name(
    apis: HttpApis, path: str, said: str
) -> None:
    method = "POST" if path == "/kinesis" else "GET"
    with pytest.raises(UnsupportedError, match=said):
        send(apis, method, path, body="{}")


def test_an_api_has_to_be_named_where_there_are_several(apis: HttpApis) -> None:
    with pytest.raises(InputError, match="the app has 3 HTTP APIs"):
        apis.request("GET", "/")
    with pytest.raises(InputError, match="no api 'Nobody'"):
        apis.request("GET", "/", api="Nobody")
    with pytest.raises(InputError, match="no stage 'prod'"):
        apis.request("GET", "/", api="Staged", stage="prod")
    with pytest.raises(UnsupportedError, match="does not run here"):
        apis.request("GET", "/", api="Socket")


class Recorder:
    """Sees every call of a service; refuses functions where `refuses`."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.calls: list[ServiceCall] = []
        self._refuses = refuses

    def before(self, call: ServiceCall) -> None:
        self.calls.append(call)
        if self._refuses and call.service == "lambda":
            raise ApiError("AccessDeniedException", "not allowed", 403)

    def after(self, call: ServiceCall) -> None:
        pass


def test_a_function_is_called_by_the_route_and_not_by_the_path_of_a_request(
    app: LocalApp, apis: HttpApis
) -> None:
    gate = Recorder()
    app.session.aws.add_gate(gate)
    send(apis, "PUT", "/any/6/b/c")
    [call] = gate.calls
    assert call.caller is not None
    assert call.caller.source_arn.endswith("/$default/PUT/any/{id}/{rest+}")


def test_what_a_route_calls_is_called_by_the_api(app: LocalApp, apis: HttpApis) -> None:
    gate = Recorder()
    app.session.aws.add_gate(gate)
    send(apis, "POST", "/named", json={"id": "one", "order": {}})
    send(apis, "GET", "/judge", headers={"X-Word": "open"})
    api = apis.gateway.find("Shop")
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{api.id}"
    callers = [(one.service, one.operation, one.caller) for one in gate.calls]
    api_gateway = "apigateway.amazonaws.com"
    role = "arn:aws:iam::123456789012:role/api"
    start = Caller(api_gateway, f"{arn}/$default/POST/named", role)
    assert callers[0] == ("stepfunctions", "StartExecution", start)
    judge, echo = callers[1][2], callers[2][2]
    assert judge is not None
    assert judge.source_arn.startswith(f"{arn}/authorizers/")
    assert echo == Caller(api_gateway, f"{arn}/$default/GET/judge", None)


def test_a_function_that_may_not_be_called_is_an_internal_error(
    app: LocalApp, apis: HttpApis
) -> None:
    app.session.aws.add_gate(Recorder(refuses=True))
    for path in ("/rare", "/judge"):
        response = send(apis, "GET", path, headers={"X-Word": "open"})
        assert (response.status, response.json) == (500, {"message": "Internal Server Error"})
    assert all("AccessDeniedException" in one.error for one in app.session.aws.timeline)
