"""What counts as a difference between two histories, and what does not."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import pytest

from sfnlocal.history_diff import Difference, first_difference

_ARN = "arn:aws:states:us-east-1:123456789012:execution:m:"
_UUIDS = ("2f1c9a44-0000-4000-8000-0123456789ab", "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")


def history(*events: str, **texts: str) -> list[dict[str, Any]]:
    """Events written `id previous type name-or-index`; `texts` are inputs and outputs by name."""
    written = []
    for line in events:
        event_id, previous, type, *more = line.split()
        event: dict[str, Any] = {
            "id": int(event_id),
            "previousEventId": int(previous),
            "type": type,
            "timestamp": f"2026-01-01T00:00:{int(event_id):02}Z",
        }
        if type == "MapIterationStarted":
            event["mapIterationStartedEventDetails"] = {"name": "M", "index": int(more[0])}
        elif more:
            key = "stateEntered" if type.endswith("Entered") else "stateExited"
            side = "input" if type.endswith("Entered") else "output"
            text = texts.get(f"{more[0]}_{side}", "{}")
            event[f"{key}EventDetails"] = {"name": more[0], side: text}
        written.append(event)
    return written


def passing(input: str, output: str = "{}") -> list[dict[str, Any]]:
    return history(
        "1 0 ExecutionStarted",
        "2 0 PassStateEntered A",
        "3 2 PassStateExited A",
        A_input=input,
        A_output=output,
    )


def test_times_do_not_count() -> None:
    left = passing('{"at": "2026-01-01T00:00:00.123Z"}')
    right = passing('{"at": "2027-02-03T04:05+01:00"}')
    for event in right:
        event["timestamp"] = 1_767_225_600.5
    assert first_difference(left, right) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (_ARN + "one", _ARN.replace("123456789012", "210987654321") + "two"),
        (_UUIDS[0], _UUIDS[1]),
        ("https://sqs.us-east-1.amazonaws.com/123456789012/q", "https://localhost/123456789012/r"),
        ("123456789012", "210987654321"),
        ("us-east-1", "eu-central-1"),
        ("AAAA" * 40 + "==", "BBBB" * 16),
        (f"started {_UUIDS[0]} of {_ARN}x", f"started {_UUIDS[1]} of {_ARN}y"),
        (
            "the state 'A' (entered at the event id #4)",
            "the state 'A' (entered at the event id #9)",
        ),
    ],
)
def test_ids_may_differ(left: str, right: str) -> None:
    assert first_difference(passing(json.dumps([left])), passing(json.dumps([right]))) is None


def test_what_has_one_id_has_one_counterpart() -> None:
    one, two = _UUIDS
    right = passing(json.dumps([two]), json.dumps([one]))
    left = passing(json.dumps([one]), json.dumps([one]))
    found = first_difference(left, right)
    assert found == Difference(
        left[2],
        right[2],
        "/stateExitedEventDetails/output/0",
        f"{one} was {two} before, and is {one} here",
    )
    again = first_difference(right, left)
    assert again is not None
    assert again.why == f"{one} was {two} before, and is {one} here"


@pytest.mark.parametrize(
    ("left", "right", "path", "why"),
    [
        ('{"a": 1}', '{"a": 2}', "/a", "1, 2 in the second history"),
        ('{"a": true}', '{"a": 1}', "/a", "true, 1 in the second history"),
        ('{"a": null}', "{}", "/a", "only the first history has it: null"),
        ("{}", '{"b": []}', "/b", "only the second history has it: []"),
        ("[1, 2]", "[1]", "", "2 items, 1 in the second history"),
        ('["x"]', '["y"]', "/0", '"x", "y" in the second history'),
        ('"x"', "[1]", "", '"\\"x\\"", "[1]" in the second history'),
        ('["arn:aws:states:::sqs:a"]', '["arn:aws:states:::sqs:b"]', "/0", None),
    ],
)
def test_values_count(left: str, right: str, path: str, why: str | None) -> None:
    found = first_difference(passing(left), passing(right))
    assert found is not None
    assert (found.left or {})["id"] == (found.right or {})["id"] == 2
    assert found.path == f"/stateEnteredEventDetails/input{path}"
    assert why is None or found.why == why


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ('{"a": 1, "b": 2}', '{ "b": 2.0, "a": 1 }'),
        ('{"SdkHttpMetadata": {"HttpStatusCode": 200}}', '{"SdkHttpMetadata": {}}'),
        ('{"Cause": "{\\"errorType\\": \\"E\\", \\"stackTrace\\": [1]}"}',
         '{"Cause": "{\\"stackTrace\\": [], \\"errorType\\": \\"E\\"}"}'),
    ],
)  # fmt: skip
def test_the_same_said_otherwise_is_the_same(left: str, right: str) -> None:
    assert first_difference(passing(left), passing(right)) is None


def test_names_that_are_given_as_the_same_may_differ() -> None:
    left, right = passing('{"TableName": "Orders-1X2Y"}'), passing('{"TableName": "orders-dev"}')
    assert first_difference(left, right) is not None
    assert first_difference(left, right, {"Orders-1X2Y": "orders-dev"}) is None


def test_a_history_that_ends_before_differs_where_it_ends() -> None:
    events = passing("{}")
    longer = first_difference(events, events[:2])
    assert longer == Difference(events[2], None, "", "only the first history has this event")
    shorter = first_difference(events[:2], events)
    assert shorter == Difference(None, events[2], "", "only the second history has this event")


def test_an_event_counts_by_what_it_follows() -> None:
    right = passing("{}")
    right[2]["previousEventId"] = 1
    found = first_difference(passing("{}"), right)
    assert found is not None
    assert found.path == "/previousEventId"
    assert found.why.startswith("it follows event 2")


PARALLEL = history(
    "1 0 ExecutionStarted",
    "2 0 ParallelStateEntered P",
    "3 2 ParallelStateStarted",
    "4 3 PassStateEntered A",
    "5 4 PassStateExited A",
    "6 3 PassStateEntered B",
    "7 6 PassStateExited B",
    "8 7 ParallelStateSucceeded",
    "9 7 ParallelStateExited P",
    "10 9 ExecutionSucceeded",
)


def interleaved(output: str = "{}") -> list[dict[str, Any]]:
    """The same, the branches at the same time, and the other one last."""
    return history(
        "1 0 ExecutionStarted",
        "2 0 ParallelStateEntered P",
        "3 2 ParallelStateStarted",
        "4 3 PassStateEntered B",
        "5 3 PassStateEntered A",
        "6 4 PassStateExited B",
        "7 5 PassStateExited A",
        "8 7 ParallelStateSucceeded",
        "9 7 ParallelStateExited P",
        "10 9 ExecutionSucceeded",
        A_output=output,
    )


def test_the_order_of_branches_does_not_count() -> None:
    assert first_difference(PARALLEL, interleaved()) is None
    assert first_difference(interleaved(), PARALLEL) is None


def test_a_branch_is_held_against_its_own_counterpart() -> None:
    found = first_difference(PARALLEL, interleaved(output="[1]"))
    assert found is not None
    assert (found.left or {})["id"] == 5
    assert (found.right or {})["id"] == 7


def mapped(*order: int) -> list[dict[str, Any]]:
    """A Map over three items, two at once; each iteration is one event. The third one waits for
    whichever ends first."""
    lines = ["1 0 MapStateEntered M", "2 1 MapStateStarted"]
    ids = itertools.count(3)
    ends: list[int] = []
    for index in order:
        started = next(ids)
        before = ends[-1] if index == 2 else 2
        lines.append(f"{started} {before} MapIterationStarted {index}")
        ends.append(next(ids))
        lines.append(f"{ends[-1]} {started} PassStateEntered A{index}")
    last = next(ids)
    joined = [f"{last} {ends[-1]} MapStateSucceeded", f"{last + 1} {ends[-1]} MapStateExited M"]
    return history(*lines, *joined)


def test_the_order_of_iterations_does_not_count() -> None:
    left, right = mapped(0, 1, 2), mapped(1, 0, 2)
    assert [event["type"] for event in left] == [event["type"] for event in right]
    assert first_difference(left, right) is None
    right[3]["stateEnteredEventDetails"]["name"] = "other"
    found = first_difference(left, right)
    assert found is not None
    assert found.path == "/stateEnteredEventDetails/name"


def test_a_map_without_items_ends_where_it_starts() -> None:
    empty = history("1 0 MapStateStarted", "2 1 MapStateSucceeded", "3 2 MapStateExited M")
    assert first_difference(empty, copy.deepcopy(empty)) is None
