"""What the source host is told: its API's calls, whose a failure is, and that telling twice is
harmless.

https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.environment import TableName
from lambdas.release.errors import SourceHostRefused, SourceHostUnavailable
from lambdas.release.logic.record_status import record_status
from lambdas.release.payloads import StatusEvent

Load = Callable[[str], ModuleType]
STATUSES = TableName("statuses")
COMMIT = "6dcb09b5b57875f334f61aebed695e2e4193db5e"


def an_event(**changes: Any) -> StatusEvent:
    event = StatusEvent(
        executionArn="arn:aws:states:eu-west-1:123456789012:execution:ReleaseBuild:release-1-7",
        repository="acme/shop",
        tag="v1/a",
        state="success",
        description="built",
    )
    return cast(StatusEvent, {**event, **changes})


class Host(HTTPServer):
    """Answers with a status and a body, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.requests: list[tuple[str, str, Any]] = []
        self.tokens: set[str] = set()
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}


class Answers(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self._answer(None, (200, {}, json.dumps({"sha": COMMIT}).encode()))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._answer(body, (201, {}, b"{}"))

    def _answer(self, body: object, default: tuple[int, dict[str, str], bytes]) -> None:
        self.server.requests.append((self.command, self.path, body))
        self.server.tokens.add(self.headers["authorization"])
        status, headers, text = self.server.answers.get(self.command, default)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Not on the screen."""


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield host
        host.shutdown()
        thread.join()


@pytest.fixture
def report(
    host: Host, load: Load, context: object, monkeypatch: pytest.MonkeyPatch
) -> Callable[[StatusEvent], Any]:
    """The deployed handler, with a token in Secrets Manager."""
    secrets = boto3.client("secretsmanager", region_name="eu-west-1")
    arn = secrets.create_secret(Name="token", SecretString="t-1")["ARN"]
    monkeypatch.setenv("SOURCE_HOST", f"http://127.0.0.1:{host.server_port}/")
    monkeypatch.setenv("SOURCE_HOST_TOKEN", arn)
    module = load("release.report_status")
    return lambda event: module.handler(event, context)


def test_the_status_is_that_of_the_commit_which_the_tag_names(
    host: Host, report: Callable[..., Any]
) -> None:
    assert report(an_event(description="x" * 200)) == {"commit": COMMIT}
    assert host.requests == [
        ("GET", "/repos/acme/shop/commits/v1%2Fa", None),
        (
            "POST",
            f"/repos/acme/shop/statuses/{COMMIT}",
            {"state": "success", "description": "x" * 140, "context": "release-build"},
        ),
    ]
    assert host.tokens == {"Bearer t-1"}


def test_telling_twice_tells_the_same(host: Host, report: Callable[..., Any]) -> None:
    assert report(an_event()) == report(an_event())
    assert host.requests[:2] == host.requests[2:]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (401, {}, b"{}", SourceHostRefused),
        (403, {}, b"{}", SourceHostRefused),
        (404, {}, b"{}", SourceHostRefused),
        (422, {}, b"{}", SourceHostRefused),
        (403, {"x-ratelimit-remaining": "0"}, b"{}", SourceHostUnavailable),
        (403, {"retry-after": "60"}, b"{}", SourceHostUnavailable),
        (429, {}, b"{}", SourceHostUnavailable),
        (500, {}, b"{}", SourceHostUnavailable),
        (503, {}, b"{}", SourceHostUnavailable),
        (200, {}, b"<html>", SourceHostUnavailable),
    ],
)
def test_whose_a_failure_is(
    host: Host,
    report: Callable[..., Any],
    method: str,
    status: int,
    headers: dict[str, str],
    body: bytes,
    error: type[Exception],
) -> None:
    host.answers[method] = (status, headers, body)
    with pytest.raises(error, match=method):
        report(an_event())


def test_a_host_that_cannot_be_reached_is_unavailable(
    host: Host, report: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_HOST", "http://127.0.0.1:1")
    with pytest.raises(SourceHostUnavailable):
        report(an_event())


@pytest.fixture
def statuses() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "dynamodb", region_name="eu-west-1", aws_access_key_id="t", aws_secret_access_key="t"
        )
        client.create_table(
            TableName=STATUSES,
            KeySchema=[{"AttributeName": "tag", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "tag", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def test_the_recorder_keeps_the_last_status(statuses: Any) -> None:
    for event in (an_event(state="pending"), an_event(), an_event()):
        record_status(statuses, STATUSES, event)
    [item] = statuses.scan(TableName=STATUSES)["Items"]
    assert (item["tag"]["S"], item["state"]["S"]) == ("acme/shop@v1/a", "success")


def test_the_recorder_fails_as_a_host_does(statuses: Any) -> None:
    with pytest.raises(SourceHostRefused):
        record_status(statuses, STATUSES, an_event(tag="v1-gone"))
    statuses.put_item(TableName=STATUSES, Item={"tag": {"S": "#outage"}, "down": {"BOOL": True}})
    with pytest.raises(SourceHostUnavailable):
        record_status(statuses, STATUSES, an_event())
    with pytest.raises(ClientError):
        record_status(statuses, TableName("no-table"), an_event())
