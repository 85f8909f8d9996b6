"""The sandbox's report provider: one report a request key, ready in its time, delivered whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest

from lambdas.sandbox.logic.report_provider import UnknownReportError

Load = Callable[[str], ModuleType]
NOW_S = 1_767_225_600
REQUEST = {
    "action": "request",
    "requestKey": "a-1/2026-01-01T06:00:00Z",
    "accountId": "a-1",
    "size": 3,
    "deliverTo": {"bucket": "files", "key": "reports/first.json"},
}


class Provider:
    """The handler, at a time."""

    def __init__(self, module: ModuleType, context: object, monkeypatch: pytest.MonkeyPatch):
        self._module = module
        self._context = context
        self._monkeypatch = monkeypatch
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.s3.create_bucket(Bucket="files")

    def ask(self, event: dict[str, Any], *, after_s: float = 0) -> dict[str, Any]:
        self._monkeypatch.setattr(self._module.time, "time", lambda: NOW_S + after_s)
        return dict(self._module.handler(event, self._context))

    def request(self, **changes: object) -> str:
        return str(self.ask({**REQUEST, **changes})["reportId"])

    def fetch(self, report_id: str, *, after_s: float) -> dict[str, Any]:
        return self.ask({"action": "fetch", "reportId": report_id}, after_s=after_s)

    def delivered(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket="files").get("Contents", [])]


@pytest.fixture
def provider(load: Load, context: object, monkeypatch: pytest.MonkeyPatch) -> Provider:
    return Provider(load("sandbox.report_provider"), context, monkeypatch)


def test_a_report_is_ready_as_many_minutes_later_as_its_account_is_large(
    provider: Provider,
) -> None:
    report_id = provider.request()
    assert provider.fetch(report_id, after_s=179.9) == {"status": "PENDING"}
    assert provider.delivered() == []
    assert provider.fetch(report_id, after_s=180) == {
        "status": "READY",
        "location": REQUEST["deliverTo"],
    }
    body = provider.s3.get_object(Bucket="files", Key="reports/first.json")["Body"].read()
    report = json.loads(body)
    assert report["reportId"] == report_id
    assert [message["line"] for message in report["messages"]] == list(range(1, 16))


def test_a_key_that_is_asked_for_twice_is_one_report(tables: Any, provider: Provider) -> None:
    again = {**REQUEST, "deliverTo": {"bucket": "files", "key": "reports/second.json"}}
    first = provider.ask(REQUEST)
    second = provider.ask(again, after_s=120)
    assert first == second
    assert len(tables.items("report_requests")) == 1
    answer = provider.fetch(first["reportId"], after_s=180)
    assert answer["location"] == REQUEST["deliverTo"]


def test_a_report_that_is_fetched_twice_is_delivered_the_same(provider: Provider) -> None:
    report_id = provider.request()
    contents = []
    for _ in range(2):
        provider.fetch(report_id, after_s=600)
        contents.append(provider.s3.get_object(Bucket="files", Key="reports/first.json")["Body"])
    assert contents[0].read() == contents[1].read()
    assert provider.delivered() == ["reports/first.json"]


def test_other_keys_are_other_reports(provider: Provider) -> None:
    assert provider.request() != provider.request(requestKey="a-1/2026-01-02T06:00:00Z")


def test_an_account_can_be_made_different(tables: Any, provider: Provider) -> None:
    tables.put(
        "report_requests",
        {"reportId": "#a-1", "readyAfterSeconds": 10, "messages": 2, "messageBytes": 5},
    )
    answer = provider.fetch(provider.request(), after_s=10)
    body = provider.s3.get_object(Bucket="files", Key=answer["location"]["key"])["Body"].read()
    assert [message["text"] for message in json.loads(body)["messages"]] == ["xxxxx"] * 2


def test_an_account_can_be_refused(tables: Any, provider: Provider) -> None:
    tables.put("report_requests", {"reportId": "#a-1", "refusedBecause": "closed"})
    answer = provider.fetch(provider.request(), after_s=0)
    assert answer == {"status": "REFUSED", "reason": "closed"}


def test_a_report_that_nobody_asked_for_is_an_error(provider: Provider) -> None:
    with pytest.raises(UnknownReportError):
        provider.fetch("r-unknown", after_s=0)
