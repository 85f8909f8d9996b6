"""Requests to HTTP APIs: each case is a request and the response that AWS's documentation has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import InputError, UnsupportedError
from sfnlocal.testing import LocalApp, load
from sfnlocal.triggers.http_apis import HttpApis
from sfnlocal.triggers.http_messages import HttpResponse

TEMPLATE = Path(__file__).parent / "http_app.yaml"
CASES = json.loads((Path(__file__).parent / "data" / "http_cases.json").read_text())


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(TEMPLATE, seed=7) as app:
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
