"""accept_reading: whose reading it is, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.devices.logic.accept_reading import accept_reading
from lambdas.front.http import Refusal

NOW_MS = 1_767_225_600_000
READING = {"measuredAtMs": NOW_MS - 1, "temperature": 20.5, "unit": "C"}


def test_a_reading_goes_into_the_queue_as_the_topic_rule_would_write_it() -> None:
    message = accept_reading("d-1", "d-1", READING, NOW_MS)
    assert message == {
        "deviceId": "d-1",
        "kind": "readings",
        "receivedAtMs": NOW_MS,
        **READING,
    }


def test_a_time_that_is_a_float_is_written_as_an_integer() -> None:
    message = accept_reading("d-1", "d-1", {**READING, "measuredAtMs": float(NOW_MS)}, NOW_MS)
    assert type(message["measuredAtMs"]) is int


@pytest.mark.parametrize("ahead_ms", [0, 300_000])
def test_a_clock_may_be_five_minutes_ahead(ahead_ms: int) -> None:
    reading = {**READING, "measuredAtMs": NOW_MS + ahead_ms}
    assert accept_reading("d-1", "d-1", reading, NOW_MS)["measuredAtMs"] == NOW_MS + ahead_ms


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measuredAtMs": NOW_MS + 300_001}, "reading.measuredAtMs is ahead of our clock"),
        ({"measuredAtMs": 1.5}, "reading.measuredAtMs must be integer"),
        ({"measuredAtMs": 0}, "reading.measuredAtMs must be bigger than or equal to 1"),
        ({"measuredAtMs": float("inf")}, "reading.measuredAtMs must be integer"),
        ({"temperature": float("nan")}, "reading.temperature must be a finite number"),
        (
            {"temperature": float("inf")},
            "reading.temperature must be smaller than or equal to 10000",
        ),
        ({"temperature": True}, "reading.temperature must be number"),
        ({"unit": "K"}, "reading.unit must be one of"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal) as refused:
        accept_reading("d-1", "d-1", {**READING, **change}, NOW_MS)
    assert (refused.value.status, refused.value.error) == (400, "ReadingInvalid")
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize("device_id", ["d-2", "d 1", "", "d/1", "x" * 65])
def test_a_device_speaks_for_itself_only(device_id: str) -> None:
    """And its id is one that a topic could have, too."""
    caller = "d-1" if device_id == "d-2" else device_id
    with pytest.raises(Refusal) as refused:
        accept_reading(device_id, caller, READING, NOW_MS)
    assert refused.value.status == 403
