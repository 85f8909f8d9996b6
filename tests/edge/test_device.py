"""A device at its edge: what it sends, what it keeps, and what it does without a connection."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge
from edge import Deadband, Device, Outbox, RawSamples, Sample
from edge.device import SAMPLES_PER_MESSAGE
from lambdas.devices.payloads import Raw, Reading

SILENCE_MS = 60_000


class Line:
    """The connection; it can be cut."""

    def __init__(self) -> None:
        self.is_up = True
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, payload: bytes) -> None:
        if not self.is_up:
            raise ConnectionError("no network")
        self.sent.append((topic, json.loads(payload)))

    def values(self) -> list[float]:
        return [
            message["temperature"] for topic, message in self.sent if topic.endswith("/readings")
        ]

    def uploads(self) -> list[dict[str, Any]]:
        return [message for topic, message in self.sent if topic == "devices/d-1/raw"]


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def device(line: Line) -> Device:
    raw = RawSamples(kept_ms=10_000, samples_max=SAMPLES_PER_MESSAGE + 10)
    return Device("d-1", line.publish, "C", Deadband(0.5, SILENCE_MS), raw)


def test_only_what_says_something_new_is_sent(device: Device, line: Line) -> None:
    values = [20.0, 20.4, 20.5, 20.6, 20.2, 20.0]
    for second, value in enumerate(values):
        device.take(Sample(second * 1000, value))
    assert line.values() == [20.0, 20.6, 20.0]
    assert line.sent[0] == (
        "devices/d-1/readings",
        {"measuredAtMs": 0, "temperature": 20.0, "unit": "C"},
    )


def test_a_steady_device_still_shows_that_it_lives(device: Device, line: Line) -> None:
    for at_ms in range(0, 3 * SILENCE_MS + 1, 1000):
        device.take(Sample(at_ms, 20.0))
    assert [message["measuredAtMs"] for _, message in line.sent] == [
        n * SILENCE_MS for n in range(4)
    ]


def test_an_error_uploads_what_was_kept_and_no_more(device: Device, line: Line) -> None:
    for at_ms in range(0, 15_001, 1000):
        device.take(Sample(at_ms, 20.0))
    device.failed("sensor: no answer")
    [upload] = line.uploads()
    assert upload["reason"] == "error: sensor: no answer"
    assert upload["measuredAtMs"] == 5_000
    assert upload["samples"] == [[at_ms, 20.0] for at_ms in range(5_000, 15_001, 1000)]


def test_a_request_uploads_what_it_asks_for(device: Device, line: Line) -> None:
    for at_ms in range(0, 5_001, 1000):
        device.take(Sample(at_ms, 20.0))
    assert device.requests_topic == "devices/d-1/requests"
    device.requested(b'{"fromMs": 2000, "toMs": 3000}')
    [upload] = line.uploads()
    assert (upload["reason"], upload["samples"]) == ("request", [[2000, 20.0], [3000, 20.0]])


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"fromMs": "a", "toMs": 1}', b"\xff"])
def test_what_is_no_request_is_left_alone(device: Device, line: Line, payload: bytes) -> None:
    device.take(Sample(0, 20.0))
    device.requested(payload)
    assert line.uploads() == []


def test_an_upload_is_cut_into_messages_that_fit(device: Device, line: Line) -> None:
    for at_ms in range(SAMPLES_PER_MESSAGE + 10):
        device.take(Sample(at_ms, -1234.56789))
    device.failed("x")
    assert [len(upload["samples"]) for upload in line.uploads()] == [SAMPLES_PER_MESSAGE, 10]
    largest = [[1767225600000, -1234.56789]] * SAMPLES_PER_MESSAGE
    assert len(json.dumps(largest)) < 64_000


def test_without_a_connection_messages_wait_in_order(device: Device, line: Line) -> None:
    line.is_up = False
    for second, value in enumerate([20.0, 30.0, 40.0]):
        device.take(Sample(second * 1000, value))
    assert line.sent == []
    line.is_up = True
    device.take(Sample(3_000, 40.1))
    assert line.values() == [20.0, 30.0, 40.0]


def test_of_more_than_fit_the_oldest_are_lost(line: Line) -> None:
    line.is_up = False
    outbox = Outbox(line.publish, messages_max=3)
    for value in range(5):
        outbox.send("t/readings", {"temperature": value})
    assert len(outbox) == 3
    line.is_up = True
    outbox.flush()
    assert (line.values(), len(outbox)) == ([2, 3, 4], 0)


def test_an_answer_that_is_lost_sends_the_message_again(line: Line) -> None:
    """The cloud knows it by the device's time."""
    lost = [True]

    def publish(topic: str, payload: bytes) -> None:
        line.publish(topic, payload)
        if lost and lost.pop():
            raise TimeoutError("no acknowledgement")

    outbox = Outbox(publish)
    outbox.send("t/readings", {"temperature": 1})
    outbox.flush()
    assert (line.values(), len(outbox)) == ([1, 1], 0)


@given(
    steps=st.lists(st.tuples(st.integers(-3_000, 5_000), st.floats(-50, 50)), max_size=60),
    samples_max=st.integers(1, 20),
)
def test_what_is_kept_is_bounded_in_time_and_number(
    steps: list[tuple[int, float]], samples_max: int
) -> None:
    """Also by a clock that is set back."""
    raw, at_ms = RawSamples(kept_ms=10_000, samples_max=samples_max), 1_000_000
    for step_ms, value in steps:
        at_ms += step_ms
        raw.add(Sample(at_ms, value))
        kept = raw.between(0, 2**63)
        assert kept[-1] == Sample(at_ms, value)
        assert len(kept) <= samples_max
        assert at_ms - kept[0].at_ms <= 10_000


def test_messages_are_what_the_cloud_expects(device: Device, line: Line) -> None:
    device.take(Sample(0, 20.0))
    device.failed("x")
    [(_, reading), (_, raw)] = line.sent
    assert reading.keys() == Reading.__annotations__.keys()
    assert raw.keys() == Raw.__annotations__.keys()


def test_a_device_needs_nothing_but_python() -> None:
    imported = {
        name.partition(".")[0]
        for path in Path(edge.__path__[0]).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    assert imported <= {*sys.stdlib_module_names, "edge"}
