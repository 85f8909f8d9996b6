"""What is no whole history of one execution is refused, with what to do about it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfnlocal.driver.exported import read_history, state_name
from sfnlocal.errors import InputError, UnsupportedError

NOT_CUT = {"truncated": False}


def history() -> list[dict[str, Any]]:
    return [
        {
            "id": 1,
            "previousEventId": 0,
            "timestamp": "2026-03-04T05:06:07.089000+01:00",
            "type": "ExecutionStarted",
            "executionStartedEventDetails": {"input": "{}", "inputDetails": NOT_CUT},
        },
        {
            "id": 2,
            "previousEventId": 0,
            "timestamp": 1772597167.1,
            "type": "PassStateEntered",
            "stateEnteredEventDetails": {"name": "P", "input": "{}", "inputDetails": NOT_CUT},
        },
        {
            "id": 3,
            "previousEventId": 2,
            "timestamp": 1772597167101,
            "type": "PassStateExited",
            "stateExitedEventDetails": {"name": "P", "output": "{}", "outputDetails": NOT_CUT},
        },
        {
            "id": 4,
            "previousEventId": 3,
            "timestamp": "2026-03-04T04:06:07.102Z",
            "type": "ExecutionSucceeded",
            "executionSucceededEventDetails": {"output": "{}", "outputDetails": NOT_CUT},
        },
    ]


def test_times_are_read_as_the_cli_and_the_sdks_write_them() -> None:
    events = read_history({"h": json.dumps({"events": history()})})
    assert [event["timestamp"] - events[0]["timestamp"] for event in events] == [0, 11, 12, 13]


@pytest.mark.parametrize(
    "texts",
    [
        [json.dumps(history())],
        [json.dumps({"events": history()[::-1]})],
        [json.dumps({"events": history()[:2]}), json.dumps({"events": history()[2:]})],
        ["\n".join(json.dumps({"events": history()[at : at + 2]}) for at in (0, 2))],
        [json.dumps([{"events": history()[:3]}, {"events": history()[2:], "nextToken": "t"}])],
        ["\ufeff" + json.dumps(history())],
    ],
    ids=["a list", "the last first", "files", "appended", "pages in a list", "a byte order mark"],
)
def test_pages_are_put_together(texts: list[str]) -> None:
    events = read_history({f"page{index}": text for index, text in enumerate(texts)})
    assert [event["id"] for event in events] == [1, 2, 3, 4]


def changed(index: int, **fields: Any) -> list[dict[str, Any]]:
    events = history()
    events[index] = {**events[index], **fields}
    return events


@pytest.mark.parametrize(
    ("document", "message", "hint"),
    [
        ({"events": []}, "no history: it has no events", "get-execution-history"),
        ({"name": "x"}, 'no history: {"name": "x"} is no event', "get-execution-history"),
        (["x"], 'no history: "x" is no event', "get-execution-history"),
        ([{"id": 1, "type": 3}], "is no event", "get-execution-history"),
        (history()[1:], "event 1 is missing", "every page"),
        ([*history()[:1], *history()[2:]], "event 2 is missing", "every page"),
        (history()[:3], "it breaks off after event 3, PassStateExited", "still runs"),
        (changed(2, previousEventId=3), "event 3 follows event 3", "get-execution-history"),
        (changed(2, timestamp="soon"), "'soon' is no time", "get-execution-history"),
        (changed(0, type="PassStateEntered"), "it begins with PassStateEntered", "get-exec"),
        ([*history(), *changed(3, type="ExecutionFailed")], "two events have the id 4", "pages"),
        (
            changed(0, executionStartedEventDetails={"roleArn": "r"}),
            "the history has no execution data",
            "--include-execution-data",
        ),
        (
            changed(2, stateExitedEventDetails={"name": "P", "outputDetails": {"truncated": True}}),
            "event 3, PassStateExited: its output is truncated",
            "cut away",
        ),
    ],
)
def test_what_cannot_be_replayed_is_refused(document: Any, message: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        read_history({"aws.json": json.dumps(document)})
    assert message in raised.value.message
    assert hint in raised.value.hint
    assert raised.value.where.startswith("aws.json")


def test_a_text_that_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match=r"aws.json: not JSON: .* at line 2, column 1"):
        read_history({"aws.json": '{"events": [\n'})


def test_the_log_of_an_express_execution_is_refused_by_name() -> None:
    event = {"id": "1", "type": "ExecutionStarted", "details": {}, "previous_event_id": "0"}
    with pytest.raises(UnsupportedError, match="Express"):
        read_history({"aws.json": json.dumps([event])})


def test_an_event_belongs_to_the_state_that_it_is_about() -> None:
    types = [
        ("ExecutionStarted", 0, ""),
        ("ParallelStateEntered", 0, "Outer"),
        ("ParallelStateStarted", 2, ""),
        ("ParallelStateEntered", 3, "Inner"),
        ("ParallelStateStarted", 4, ""),
        ("TaskStateEntered", 5, "Ask"),
        ("TaskScheduled", 6, ""),
        ("TaskStateExited", 7, "Ask"),
        ("ParallelStateSucceeded", 8, ""),
        ("ParallelStateExited", 8, "Inner"),
        ("ParallelStateSucceeded", 10, ""),
        ("ParallelStateExited", 10, "Outer"),
        ("ExecutionSucceeded", 12, ""),
    ]
    events: list[dict[str, Any]] = []
    for index, (type, previous, name) in enumerate(types, 1):
        event = {"id": index, "previousEventId": previous, "type": type}
        events.append({**event, "stateEventDetails": {"name": name}} if name else event)
    assert [state_name(events, event) for event in events] == [
        *("", "Outer", "Outer", "Inner", "Inner", "Ask", "Ask", "Ask"),
        *("Inner", "Inner", "Outer", "Outer", ""),
    ]
