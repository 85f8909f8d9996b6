"""Events of buckets: which calls make which event, for whom.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from sfnlocal.driver.session import Session
from sfnlocal.ports import Json
from sfnlocal.services.object_requests import object_call
from sfnlocal.template import load_app

ASKED = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
Event = tuple[str, str, dict[str, Any], list[str]]
Start = Callable[..., tuple[Session, list[Event]]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A session of a bucket `letters`, and the list that fills with its events."""

    def begin(**resources: Json) -> tuple[Session, list[Event]]:
        path = tmp_path / "app.template.json"
        path.write_text(json.dumps({"Resources": resources}))
        session = Session(load_app(path))
        events: list[Event] = []
        session.aws.on_event(lambda *event: events.append(event))
        return session, events

    return begin


def bucket(**properties: Json) -> dict[str, Json]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "letters", **properties}}


def test_a_written_object_is_told_with_its_size_after_the_call(start: Start) -> None:
    session, events = start(B=bucket(NotificationConfiguration=ASKED))
    with session:
        session.aws.client("s3").put_object(Bucket="letters", Key="in/a.json", Body=b"12345")
        assert events == []
        session.run_until_idle()
    ((source, detail_type, detail, resources),) = events
    assert (source, detail_type) == ("aws.s3", "Object Created")
    assert resources == ["arn:aws:s3:::letters"]
    assert detail["bucket"] == {"name": "letters"}
    written = detail["object"]
    assert (written["key"], written["size"], len(written["etag"])) == ("in/a.json", 5, 32)
    assert (detail["reason"], detail["requester"]) == ("PutObject", "123456789012")
    assert "version-id" not in written


def test_other_calls_have_other_reasons(start: Start) -> None:
    session, events = start(B=bucket(NotificationConfiguration=ASKED))
    with session:
        s3 = session.aws.client("s3")
        s3.put_object(Bucket="letters", Key="a", Body=b"x")
        s3.copy_object(Bucket="letters", Key="b", CopySource="letters/a")
        upload = s3.create_multipart_upload(Bucket="letters", Key="c")["UploadId"]
        part = s3.upload_part(Bucket="letters", Key="c", UploadId=upload, PartNumber=1, Body=b"y")
        s3.complete_multipart_upload(
            Bucket="letters",
            Key="c",
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
        )
        s3.get_object(Bucket="letters", Key="a")
        session.run_until_idle()
        s3.delete_object(Bucket="letters", Key="a")
        s3.delete_objects(Bucket="letters", Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
        session.run_until_idle()
    assert [(event[1], event[2]["object"]["key"], event[2]["reason"]) for event in events] == [
        ("Object Created", "a", "PutObject"),
        ("Object Created", "b", "CopyObject"),
        ("Object Created", "c", "CompleteMultipartUpload"),
        ("Object Deleted", "a", "DeleteObject"),
        ("Object Deleted", "b", "DeleteObject"),
        ("Object Deleted", "c", "DeleteObject"),
    ]
    assert {event[2]["deletion-type"] for event in events[3:]} == {"Permanently Deleted"}
    sequencers = [event[2]["object"]["sequencer"] for event in events]
    assert sequencers == sorted(sequencers)


def test_a_versioned_bucket_tells_versions_and_delete_markers(start: Start) -> None:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    session, events = start(B=bucket(NotificationConfiguration=ASKED, **versioned))
    with session:
        s3 = session.aws.client("s3")
        version = s3.put_object(Bucket="letters", Key="a", Body=b"x")["VersionId"]
        s3.delete_object(Bucket="letters", Key="a")
        session.run_until_idle()
    assert events[0][2]["object"]["version-id"] == version
    assert events[1][2]["deletion-type"] == "Delete Marker Created"


CUSTOM = {
    "Type": "Custom::S3BucketNotifications",
    "Properties": {
        "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:handler",
        "BucketName": {"Ref": "B"},
        "NotificationConfiguration": {"EventBridgeConfiguration": {}},
    },
}


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ({"B": bucket()}, 0),
        ({"B": bucket(NotificationConfiguration={"EventBridgeConfiguration": {}})}, 1),
        (
            {
                "B": bucket(
                    NotificationConfiguration={
                        "EventBridgeConfiguration": {"EventBridgeEnabled": "false"}
                    }
                )
            },
            0,
        ),
        ({"B": bucket(), "C": CUSTOM}, 1),
    ],
)
def test_only_buckets_that_ask_for_it_tell(
    start: Start, resources: dict[str, Json], told: int
) -> None:
    session, events = start(**resources)
    with session:
        session.aws.client("s3").put_object(Bucket="letters", Key="a", Body=b"x")
        session.run_until_idle()
    assert len(events) == told


def test_a_bucket_may_be_told_to_tell_while_it_is_used(start: Start) -> None:
    session, events = start(B=bucket())
    with session:
        s3 = session.aws.client("s3")
        asked: Json = {"EventBridgeConfiguration": {}}
        s3.put_bucket_notification_configuration(Bucket="letters", NotificationConfiguration=asked)
        s3.put_object(Bucket="letters", Key="a", Body=b"x")
        session.run_until_idle()
        s3.put_bucket_notification_configuration(Bucket="letters", NotificationConfiguration={})
        s3.put_object(Bucket="letters", Key="b", Body=b"x")
        session.run_until_idle()
    assert [event[2]["object"]["key"] for event in events] == ["a"]


def test_an_object_that_is_gone_is_told_without_its_size(start: Start) -> None:
    session, events = start(B=bucket(NotificationConfiguration=ASKED))
    with session:
        s3 = session.aws.client("s3")
        s3.put_object(Bucket="letters", Key="a", Body=b"x")
        s3.delete_object(Bucket="letters", Key="a")
        session.run_until_idle()
    assert [set(event[2]["object"]) for event in events] == [{"key", "sequencer"}] * 2


def test_requests_of_other_processes_are_told_too(start: Start) -> None:
    session, events = start(B=bucket(NotificationConfiguration=ASKED))
    with session:
        session.aws.client("s3")
        url = "https://s3.us-east-1.amazonaws.com/letters/a%20b"
        headers = HTTPHeaders()
        headers["x-moto-account-id"] = "123456789012"
        request = AWSPreparedRequest("PUT", url, headers, b"x", stream_output=False)
        response = session.aws.simulate("s3", request)
        assert response is not None
        assert response.status_code == 200
        session.run_until_idle()
    assert [event[2]["object"]["key"] for event in events] == ["a b"]


BODY = (
    b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a/b</Key></Object>'
    b"<Object><Key>c</Key></Object></Delete>"
)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "call"),
    [
        ("PUT", "/b/k/1?x-id=PutObject", {}, b"", ("PutObject", "k/1")),
        ("PUT", "/b/k?X-Amz-Signature=1&X-Amz-Date=2", {}, b"", ("PutObject", "k")),
        ("PUT", "/b/k", {"x-amz-copy-source": "b/j"}, b"", ("CopyObject", "k")),
        ("PUT", "/b/k?partNumber=1&uploadId=2", {}, b"", None),
        ("PUT", "/b/k?tagging", {}, b"", None),
        ("PUT", "/b", {}, b"", None),
        ("POST", "/b/k?uploads", {}, b"", None),
        ("POST", "/b/k?uploadId=2", {}, b"", ("CompleteMultipartUpload", "k")),
        ("DELETE", "/b/k?versionId=2", {}, b"", ("DeleteObject", "k")),
        ("DELETE", "/b/k?uploadId=2", {}, b"", None),
        ("DELETE", "/b", {}, b"", None),
        ("GET", "/b/k", {}, b"", None),
        ("POST", "/b?delete", {}, BODY, ("DeleteObjects", ["a/b", "c"])),
        (
            "POST",
            "/b?delete",
            {},
            BODY.replace(b' xmlns="http://s3', b' x="'),
            ("DeleteObjects", ["a/b", "c"]),
        ),
    ],
)
def test_a_request_is_understood_by_its_method_and_path(
    method: str, path: str, headers: dict[str, str], body: bytes, call: tuple[str, Any] | None
) -> None:
    found = object_call(method, f"https://s3.us-east-1.amazonaws.com{path}", body, headers, {})
    if call is None:
        assert found is None
        return
    assert found is not None
    operation, params, response = found
    deleted = [one["Key"] for one in response.get("Deleted", [])]
    assert (operation, params.get("Key") or deleted, params["Bucket"]) == (*call, "b")
