"""Presigned URLs of S3, asked for in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from sfnlocal.ports import Json
from sfnlocal.template.resources import App
from sfnlocal.testing import LocalApp, load
from sfnlocal.triggers.http_messages import HttpResponse


@pytest.fixture(params=["us-east-1", "eu-central-1"])
def app(request: pytest.FixtureRequest) -> Iterator[LocalApp]:
    empty = App(Path(), "aws", request.param, "123456789012", (), (), (), {})
    with load(empty) as app:
        place = {"LocationConstraint": request.param}
        extra = {} if request.param == "us-east-1" else {"CreateBucketConfiguration": place}
        app.client("s3").create_bucket(Bucket="reports", **extra)
        app.client("s3").put_object(Bucket="reports", Key="a b/é.txt", Body=b"content")
        yield app


def presigned(operation: str, app: LocalApp, config: Config, **options: Any) -> str:
    import boto3

    s3 = boto3.client("s3", config=config)
    params = {"Bucket": "reports", "Key": "a b/é.txt", **options.pop("params", {})}
    url: str = s3.generate_presigned_url(operation, params, **options)
    return url


def ask(app: LocalApp, method: str, url: str, **options: Any) -> HttpResponse:
    return app.session.triggers.http_apis.request(method, url, **options)


@pytest.mark.parametrize("style", ["virtual", "path"])
@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_an_object_is_got_and_put_until_the_url_expires(
    app: LocalApp, version: str, style: str
) -> None:
    addressing: Any = {"addressing_style": style}
    config = Config(signature_version=version, s3=addressing)
    got = presigned("get_object", app, config, ExpiresIn=60)
    put = presigned("put_object", app, config, ExpiresIn=120)
    assert ask(app, "GET", got).body == b"content"
    assert ask(app, "PUT", put, body="new").status == 200
    app.advance(seconds=59)
    assert ask(app, "GET", got).body == b"new"
    app.advance(seconds=1)
    expired = ask(app, "GET", got)
    assert expired.status == 403
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in expired.text
    assert "<Expires>2026-01-01T00:01:00Z</Expires>" in expired.text
    assert ask(app, "PUT", put, body="newer").status == 200


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_url_is_good_only_for_what_it_is_signed_for(app: LocalApp, version: str) -> None:
    url = presigned("get_object", app, Config(signature_version=version))
    for method, asked in (("PUT", url), ("GET", url.replace(".txt", ".pdf"))):
        refused = ask(app, method, asked)
        assert refused.status == 403
        assert "<Code>SignatureDoesNotMatch</Code>" in refused.text


def test_a_signed_content_type_has_to_be_sent(app: LocalApp) -> None:
    params = {"ContentType": "text/csv"}
    url = presigned("put_object", app, Config(signature_version="s3v4"), params=params)
    assert ask(app, "PUT", url, body="a,b").status == 403
    assert ask(app, "PUT", url, body="a,b", headers={"Content-Type": "text/csv"}).status == 200
    head = app.client("s3").head_object(Bucket="reports", Key="a b/é.txt")
    assert head["ContentType"] == "text/csv"


def test_the_answer_may_be_told_how_to_look(app: LocalApp) -> None:
    params = {"ResponseContentType": "text/plain"}
    url = presigned("get_object", app, Config(signature_version="s3v4"), params=params)
    assert ask(app, "GET", url).headers["content-type"] == "text/plain"


def test_an_object_that_is_not_there_is_answered_as_s3_does(app: LocalApp) -> None:
    url = presigned("get_object", app, Config(signature_version="s3v4"), params={"Key": "no"})
    answered = ask(app, "GET", url)
    assert answered.status == 404
    assert "<Code>NoSuchKey</Code>" in answered.text


def test_who_listens_to_s3_hears_of_an_object_that_is_put(app: LocalApp) -> None:
    heard: list[tuple[str, str, Json]] = []
    app.session.aws.observe(
        lambda service, operation, params, _: heard.append((service, operation, params["Key"]))
    )
    ask(app, "PUT", presigned("put_object", app, Config(signature_version="s3v4")), body="x")
    assert heard == [("s3", "PutObject", "a b/é.txt")]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("X-Amz-Expires=604801&X-Amz-Date=20260101T000000Z", 400, "less than a week"),
        ("X-Amz-Expires=soon&X-Amz-Date=20260101T000000Z", 400, "should be a number"),
        ("X-Amz-Expires=60&X-Amz-Date=yesterday", 400, "ISO8601"),
    ],
)
def test_a_malformed_url_is_refused(app: LocalApp, query: str, status: int, code: str) -> None:
    signed = "X-Amz-Credential=local/20260101/us-east-1/s3/aws4_request&X-Amz-Signature=0"
    answered = ask(app, "GET", f"https://reports.s3.amazonaws.com/x?{signed}&{query}")
    assert answered.status == status
    assert "<Code>AuthorizationQueryParametersError</Code>" in answered.text
    assert code in answered.text
