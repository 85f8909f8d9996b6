"""The hop around a filter: one popped at a time, each message alone, called twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from lambdas.filters.errors import HopInvalid
from lambdas.filters.logic.hop import filtered, parse_hop
from lambdas.filters.payloads import DONE, Hop

Load = Callable[[str], ModuleType]
HOP = Hop(
    itemId="i-1",
    nextFilter="redact",
    filters=["classify"],
    passed=["normalize"],
    item={"text": "a"},
)


class Bus:
    """The bus: it takes everything but the items that it is told to refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.events: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        [entry] = Entries
        if json.loads(entry["Detail"])["itemId"] in self.refused:
            error = {"ErrorCode": "ThrottlingException", "ErrorMessage": "too many"}
            return {"FailedEntryCount": 1, "Entries": [error]}
        self.events.append(entry)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(len(self.events))}]}


def message(message_id: str, body: object) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "r",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:RedactQueue",
        "awsRegion": "eu-west-1",
    }


@pytest.fixture
def run(load: Load, monkeypatch: pytest.MonkeyPatch, context: object) -> Callable[..., Any]:
    monkeypatch.setenv("FILTER_BUS", "filters-dev")

    def call(bus: Bus, *messages: dict[str, Any]) -> list[str]:
        redact, hop = load("filters.redact"), load("filters.hop")
        monkeypatch.setattr(hop, "EVENTS", bus)
        answer = redact.handler({"Records": list(messages)}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return call


def test_the_next_filter_is_popped_until_none_is_left() -> None:
    hop, ways = HOP, []
    while hop["nextFilter"] != DONE:
        hop = filtered(hop, lambda item: item)
        ways.append((hop["passed"], hop["nextFilter"], hop["filters"]))
    assert ways == [
        (["normalize", "redact"], "classify", []),
        (["normalize", "redact", "classify"], DONE, []),
    ]


def test_a_filter_sees_its_item_and_nothing_else() -> None:
    seen: list[object] = []

    def note(item: Any) -> Any:
        seen.append(item)
        return {"text": "b"}

    assert filtered(HOP, note)["item"] == {"text": "b"}
    assert seen == [{"text": "a"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "Expecting value"),
        ("[]", "hop must be object"),
        (json.dumps({**HOP, "item": {}}), "hop.item must contain ['text'] properties"),
        (json.dumps({**HOP, "filters": "classify"}), "hop.filters must be array"),
        (json.dumps({**HOP, "filters": ["a"] * 21}), "hop.filters must contain less than or equal"),
        (json.dumps({**HOP, "itemId": "i 1"}), "hop.itemId must match pattern"),
    ],
)
def test_what_is_no_hop_is_refused_with_its_field(text: str, message: str) -> None:
    with pytest.raises(HopInvalid) as caught:
        parse_hop(text)
    assert message in str(caught.value)


def test_each_item_goes_back_onto_the_bus_by_itself(run: Callable[..., Any]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
    bus = Bus("i-2")
    failed = run(
        bus,
        message("m-1", HOP),
        message("m-2", {**HOP, "itemId": "i-2"}),
        message("m-3", "no json"),
        message("m-4", {**HOP, "itemId": "i-4"}),
    )
    assert failed == ["m-2", "m-3"]
    assert [json.loads(event["Detail"])["itemId"] for event in bus.events] == ["i-1", "i-4"]
    assert {event["EventBusName"] for event in bus.events} == {"filters-dev"}


def test_the_same_message_twice_is_the_same_event_twice(run: Callable[..., Any]) -> None:
    """The table at the end stores it once."""
    bus = Bus()
    for _ in range(2):
        assert run(bus, message("m-1", HOP)) == []
    assert bus.events[0] == bus.events[1]
    assert len(bus.events) == 2
