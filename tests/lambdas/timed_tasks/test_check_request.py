"""When a task is due: in the zone's own time, and over changes of daylight saving time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.timed_tasks.errors import RequestRefused
from lambdas.timed_tasks.logic.check_request import check_request

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def due(**when: Any) -> str:
    request = {"action": "SCHEDULE", "taskId": "t", "workflow": "Order", **when}
    return check_request(request, NOW, ["Order"])["dueAt"]


@pytest.mark.parametrize(
    ("when", "due_at"),
    [
        ({"afterSeconds": 1}, "2026-01-01T12:00:01.000Z"),
        ({"afterSeconds": 31_536_000}, "2027-01-01T12:00:00.000Z"),
        ({"at": "2026-01-01T12:00:00"}, "2026-01-01T12:00:00.000Z"),
        ({"at": "2026-07-01T08:00:00", "timeZone": BERLIN}, "2026-07-01T06:00:00.000Z"),
        ({"at": "2026-12-01T08:00:00", "timeZone": BERLIN}, "2026-12-01T07:00:00.000Z"),
        ({"at": "2026-12-01T08:00:00+05:30"}, "2026-12-01T02:30:00.000Z"),
        ({"at": "2026-12-01T08:00:00Z"}, "2026-12-01T08:00:00.000Z"),
        # Shown twice: the first.
        ({"at": "2026-10-25T02:30:00", "timeZone": BERLIN}, "2026-10-25T00:30:00.000Z"),
        # The second, by its offset.
        ({"at": "2026-10-25T02:30:00+01:00"}, "2026-10-25T01:30:00.000Z"),
        ({"at": "2026-03-29T03:00:00", "timeZone": BERLIN}, "2026-03-29T01:00:00.000Z"),
    ],
)
def test_a_task_is_due(when: dict[str, Any], due_at: str) -> None:
    assert due(**when) == due_at


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ({"at": "2026-03-29T02:30:00", "timeZone": BERLIN}, "the clocks of Europe/Berlin skip"),
        ({"at": "2026-01-01T12:30:00", "timeZone": BERLIN}, "which is over"),
        ({"at": "2027-01-01T12:00:01"}, "more than 365 days ahead"),
        ({"at": "2026-02-30T00:00:00"}, "is no time like"),
        ({"at": "2026-06-01T00:00:00Z", "timeZone": BERLIN}, "timeZone says too much"),
        ({"at": "2026-06-01T00:00:00", "afterSeconds": 5}, "either at or afterSeconds"),
        ({"afterSeconds": 5, "timeZone": BERLIN}, "timeZone belongs to at"),
        ({"afterSeconds": True}, "afterSeconds must be a whole number"),
        ({"afterSeconds": 5, "at_": "x"}, "at_ is no field of SCHEDULE"),
        ({"afterSeconds": 5, "timeZone": "../etc/passwd"}, "timeZone"),
        ({"afterSeconds": 5, "input": "x" * 60_000}, "put it into a bucket"),
    ],
)
def test_a_time_that_cannot_be_is_refused(when: dict[str, Any], why: str) -> None:
    with pytest.raises(RequestRefused, match=why):
        due(**when)


@pytest.mark.parametrize("request_", ["LIST", None, [], 7])
def test_what_is_no_object_is_refused(request_: object) -> None:
    with pytest.raises(RequestRefused, match="must be an object"):
        check_request(request_, NOW, [])


def test_a_list_is_of_what_is_due_until_then() -> None:
    assert check_request({"action": "LIST"}, NOW, [])["until"] == ""
    until = check_request({"action": "LIST", "until": "2026-02-01T00:00:00"}, NOW, [])["until"]
    assert until == "2026-02-01T00:00:00.000Z"
