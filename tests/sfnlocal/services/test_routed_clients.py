"""Clients of services that are answered here: everything of botocore's but the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ParamValidationError

from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws

from .conftest import QUEUE_URL, queue, table

Start = Callable[..., Aws]
# Tests call what a handler may call by mistake, too.
_client: Any = boto3.client


def test_events_before_and_after_a_call_are_heard_and_may_change_it(started: Start) -> None:
    started(queue("q"))
    client, heard = _client("sqs"), list[str]()

    def give(params: dict[str, Any], **_: object) -> dict[str, Any]:
        heard.append("provide-client-params")
        return {**params, "MessageBody": "changed"}

    def build(params: dict[str, Any], **_: object) -> None:
        heard.append("before-parameter-build")

    def before(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        params["headers"]["x-trace"] = "1"
        heard.append(f"before-call {params['method']} {params['url']}")

    def after(parsed: dict[str, Any], **_: object) -> None:
        parsed["Seen"] = True
        heard.append("after-call")

    for name, hook in (
        ("provide-client-params", give),
        ("before-parameter-build", build),
        ("before-call", before),
        ("after-call", after),
    ):
        client.meta.events.register(f"{name}.sqs.SendMessage", hook)
    assert client.send_message(QueueUrl=QUEUE_URL + "q", MessageBody="given")["Seen"]
    [message] = client.receive_message(QueueUrl=QUEUE_URL + "q")["Messages"]
    assert message["Body"] == "changed"
    assert heard == [
        "provide-client-params",
        "before-parameter-build",
        f"before-call POST {client.meta.endpoint_url}",
        "after-call",
    ]


def test_a_resource_speaks_in_plain_values(started: Start) -> None:
    started(table("orders"))
    orders = boto3.resource("dynamodb").Table("orders")
    orders.put_item(Item={"id": "a", "lines": [{"quantity": 2}]})
    assert orders.get_item(Key={"id": "a"})["Item"] == {"id": "a", "lines": [{"quantity": 2}]}


def test_wrong_parameters_are_reported_as_botocore_does(started: Start) -> None:
    started(table("orders"))
    with pytest.raises(ParamValidationError) as caught:
        _client("dynamodb").get_item(TableName="orders", Key={"id": 1}, Kez={})
    text = str(caught.value)
    assert 'Unknown parameter in input: "Kez"' in text
    assert "Invalid type for parameter Key.id, value: 1" in text


def test_who_wants_no_check_gets_none(started: Start) -> None:
    aws = started()
    seen: list[dict[str, Json]] = []

    def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        seen.append(params)
        return {}

    aws.route("states", answer)
    client = _client("stepfunctions", config=Config(parameter_validation=False))
    client.describe_execution(executionArn=1)
    assert seen == [{"executionArn": 1}]


def test_a_url_that_is_signed_for_others_is_whole(started: Start) -> None:
    started(queue("q"))
    url = _client("sqs").generate_presigned_url(
        "receive_message", Params={"QueueUrl": QUEUE_URL + "q"}, HttpMethod="GET"
    )
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["QueueUrl"] == [QUEUE_URL + "q"]


def test_what_is_not_routed_is_sent(started: Start) -> None:
    started()
    client, urls = _client("sts"), list[str]()
    client.meta.events.register("before-send.sts", lambda request, **_: urls.append(request.url))
    client.get_caller_identity()
    assert [urlsplit(url).hostname for url in urls] == ["sts.eu-west-1.amazonaws.com"]
