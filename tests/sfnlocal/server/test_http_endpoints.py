"""HTTP APIs and presigned URLs over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.sfnlocal.server.conftest import Server, start_server, stop_server

APP = Path(__file__).parents[1] / "triggers" / "http_app.yaml"


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    started = start_server("--app", str(APP), "--virtual-time")
    try:
        yield started
    finally:
        stop_server(started)


def host_of(shop: Server, api: str) -> dict[str, str]:
    return {"Host": f"{api}.execute-api.localhost:{shop.address[1]}"}


def test_the_server_says_where_its_apis_are() -> None:
    started = start_server("--app", str(APP), "--virtual-time")
    try:
        assert started.process.stdout is not None
        lines = [started.process.stdout.readline().split() for _ in range(3)]
    finally:
        stop_server(started)
    port = started.address[1]
    assert lines[:2] == [
        [
            *("HTTP", "API", "Shop"),
            f"http://shop.execute-api.localhost:{port}/",
            f"{started.url}/_apis/Shop/",
        ],
        [
            *("HTTP", "API", "Staged"),
            f"http://staged.execute-api.localhost:{port}/test/",
            f"{started.url}/_apis/Staged/test/",
        ],
    ]


def test_an_api_is_reached_by_a_path_and_by_a_host_name(shop: Server) -> None:
    body = json.dumps({"answer": {"statusCode": 201, "body": "made"}}).encode()
    by_path = shop.request("POST", "/_apis/Shop/echo", body)
    by_host = shop.request("POST", "/echo", body, host_of(shop, "shop"))
    assert [one.status for one in (by_path, by_host)] == [201, 201]
    assert by_path.body == by_host.body == b"made"


def test_what_an_api_answers_goes_out_whole(shop: Server) -> None:
    answer = {
        "statusCode": 200,
        "headers": {"content-type": "image/png", "content-length": "999"},
        "cookies": ["a=1", "b=2"],
        "isBase64Encoded": True,
        "body": "iVBORwD/",
    }
    answered = shop.request("POST", "/_apis/shop/echo", json.dumps({"answer": answer}).encode())
    assert answered.body == b"\x89PNG\x00\xff"
    assert answered.headers["content-type"] == "image/png"
    assert answered.headers["content-length"] == "6"
    assert answered.headers["set-cookie"] == "b=2"


def test_head_is_answered_without_a_body(shop: Server) -> None:
    answered = shop.request("HEAD", "/_apis/shop/any/1/2")
    assert (answered.status, answered.body) == (200, b"")
    assert int(answered.headers["content-length"]) > 0


def test_an_execution_that_a_request_starts_and_waits_for(shop: Server) -> None:
    answered = shop.request("POST", "/_apis/shop/sync", b'{"wait": 5}')
    assert answered.status == 200
    assert answered.json["status"] == "SUCCEEDED"
    assert answered.json["stopDate"] - answered.json["startDate"] == 5


def test_what_is_not_carried_out_is_refused_by_name(shop: Server) -> None:
    answered = shop.request("GET", "/_apis/shop/proxy")
    assert answered.status == 501
    assert "HTTP proxy integrations are not called" in answered.json["message"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/_apis/nobody/x", {}), ("/x", {"Host": "nobody.execute-api.localhost:1"})],
)
def test_an_api_that_is_not_there_is_told_with_those_that_are(
    shop: Server, path: str, headers: dict[str, str]
) -> None:
    answered = shop.request("GET", path, headers=headers)
    assert answered.status == 404
    assert "'nobody'" in answered.json["message"]
    assert "Shop" in answered.json["message"]


def test_pages_of_a_foreign_origin_ask_only_apis_that_allow_it(shop: Server) -> None:
    asked = {"Origin": "https://shop.example"}
    assert shop.request("POST", "/_apis/shop/echo", b"{}", asked).status == 403
    allowed = shop.request("GET", "/_apis/Staged/test/", headers=asked)
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"


def test_pages_of_this_machine_ask_every_api(shop: Server) -> None:
    asked = {"Origin": f"http://shop.execute-api.localhost:{shop.address[1]}"}
    assert shop.request("POST", "/_apis/shop/echo", b"{}", asked).status == 200


@pytest.mark.parametrize(("secret", "status"), [("local", 200), ("guessed", 403)])
@pytest.mark.parametrize("path", ["/_apis/shop/iam", "/iam?a=1&b=%20x"])
def test_a_signed_request_passes_with_the_right_key(
    shop: Server, path: str, secret: str, status: int
) -> None:
    host = "127.0.0.1" if path.startswith("/_apis") else "shop.execute-api.localhost"
    url = f"http://{host}:{shop.address[1]}{path}"
    request = AWSRequest("POST", url, data=b'{"answer": "in"}')
    SigV4Auth(Credentials("local", secret), "execute-api", "us-east-1").add_auth(request)
    headers = {**dict(request.headers.items()), "Host": urlsplit(url).netloc}
    assert shop.request("POST", path, b'{"answer": "in"}', headers).status == status


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_puts_and_gets_what_it_is_signed_for(shop: Server, version: str) -> None:
    session = boto3.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
    )
    s3 = session.client("s3", endpoint_url=shop.url, config=Config(signature_version=version))
    named = {"Bucket": f"bucket-{version}", "Key": "a folder/b.txt"}
    shop.client("s3").create_bucket(Bucket=named["Bucket"])

    def url(operation: str, seconds: int) -> str:
        made: str = s3.generate_presigned_url(operation, named, ExpiresIn=seconds)
        return made.removeprefix(shop.url)

    put, got = url("put_object", 3600), url("get_object", 3600)
    assert shop.request("PUT", put, b"content").status == 200
    answered = shop.request("GET", got)
    assert (answered.status, answered.body) == (200, b"content")
    tampered = got.replace("b.txt", "c.txt")
    assert b"<Code>SignatureDoesNotMatch</Code>" in shop.request("GET", tampered).body


def test_a_presigned_url_expires_in_virtual_time(shop: Server) -> None:
    s3 = shop.client("s3")
    s3.create_bucket(Bucket="expiring")
    s3.put_object(Bucket="expiring", Key="key", Body=b"content")
    now = datetime.fromisoformat(shop.advance(0)).timestamp()
    url = f"/expiring/key?AWSAccessKeyId=unknown&Signature=x&Expires={int(now) + 60}"
    assert shop.request("GET", url).body == b"content"
    shop.advance(60)
    answered = shop.request("GET", url)
    assert answered.status == 403
    assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in answered.body
