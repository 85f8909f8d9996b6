"""The program of a worker process, run in this one: what it answers to which messages."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.services.frames import Message, receive, send
from sfnlocal.services.handler_worker import serve

CALL = {
    "requestId": "r-2",
    "functionArn": "arn:f",
    "timeoutMs": 1000,
    "clientContext": None,
}


@pytest.fixture(autouse=True)
def _this_process_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    for name, value in {"FUNCTION_NAME": "f", "FUNCTION_VERSION": "$LATEST"}.items():
        monkeypatch.setenv(f"AWS_LAMBDA_{name}", value)
    for name in ("FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME", "LOG_STREAM_NAME"):
        monkeypatch.setenv(f"AWS_LAMBDA_{name}", "1")
    yield
    sys.modules.pop("served", None)


def answers(folder: Path, source: str, *events: Any) -> list[tuple[bool, Any]]:
    (folder / "served.py").write_text(source)
    requests, out = io.BytesIO(), io.BytesIO()
    start = {"handler": "served.handler", "folders": [str(folder)], "requestId": "r-1"}
    send(requests, start)
    for event in events:
        send(requests, CALL, json.dumps(event).encode())
    requests.seek(0)
    serve(requests, out)
    out.seek(0)
    found: list[tuple[bool, Any]] = []
    while (message := receive(out)) is not None:
        found.append((message.header["failed"], json.loads(message.body)))
    return found


def test_it_says_that_it_is_ready_then_answers_each_event(tmp_path: Path) -> None:
    source = (
        "def handler(event, context):\n"
        "    if event == 3: raise ValueError(event)\n"
        "    return [event, context.aws_request_id, context.get_remaining_time_in_millis() <= 1000]"
    )
    ready, first, failed, last = answers(tmp_path, source, 1, 3, 2)
    assert (ready, first, last) == (
        (False, None),
        (False, [1, "r-2", True]),
        (False, [2, "r-2", True]),
    )
    assert failed[0]
    assert failed[1]["errorType"] == "ValueError"
    assert failed[1]["stackTrace"][0].startswith('  File "/var/task/served.py", line 2')


def test_a_failed_cold_start_is_its_only_answer(tmp_path: Path) -> None:
    [(failed, payload)] = answers(tmp_path, "handler_ = 1", {})
    assert failed
    assert payload == {
        "errorType": "Runtime.HandlerNotFound",
        "errorMessage": "Handler 'handler' missing on module 'served'",
        "requestId": "r-1",
        "stackTrace": [],
    }


def test_what_ends_the_process_is_not_caught(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        answers(tmp_path, "def handler(event, context): raise SystemExit(1)", {})


def test_it_ends_where_nobody_asks(tmp_path: Path) -> None:
    out = io.BytesIO()
    serve(io.BytesIO(), out)
    assert out.getvalue() == b""


@pytest.mark.parametrize("cut", [0, 3, 5, 18])
def test_a_message_that_was_cut_off_is_none(cut: int) -> None:
    stream = io.BytesIO()
    send(stream, {"a": 1}, b"body")
    whole = stream.getvalue()
    assert receive(io.BytesIO(whole[:cut])) is None
    assert receive(io.BytesIO(whole)) == Message({"a": 1}, b"body")
