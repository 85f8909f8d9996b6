"""The command: how it starts, how it ends, and real time."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from sfnlocal.cli import main
from tests.sfnlocal.server.conftest import ApiFaultError, Server, start_server, stop_server


def test_a_port_that_is_taken_is_told_in_one_message(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    port = str(server.address[1])
    done = subprocess.run(
        [sys.executable, "-m", "sfnlocal", "serve", "--port", port],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "99999 is no port"),
        (["--auto-jump"], "there is no virtual time"),
        (["--start-at", "2026-01-01"], "there is no virtual time"),
        (["--virtual-time", "--start-at", "soon"], "'soon' is no ISO 8601 time"),
        (["--keep", "-1"], "-1 is no number"),
        (["--app", "nowhere"], "nowhere"),
    ],
)
def test_a_wrong_option_is_told(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_virtual_time_is_shown_and_moved(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    port = ["--port", str(server.address[1])]
    assert main(["clock", "advance", "--to", "2027-01-01T00:00:00Z", *port]) == 0
    assert main(["clock", "advance", "--seconds", "1.5", *port]) == 0
    assert main(["clock", *port]) == 0
    assert capsys.readouterr().out.split() == [
        "2027-01-01T00:00:00.000Z",
        "2027-01-01T00:00:01.500Z",
        "2027-01-01T00:00:01.500Z",
    ]
    assert main(["clock", "advance", "--to", "2026-06-01T00:00:00Z", *port]) == 2
    assert "Time does not go back" in capsys.readouterr().err
    assert main(["clock", "advance", *port]) == 2
    assert main(["clock", "--seconds", "1", *port]) == 2


def test_nobody_answers_on_a_free_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert main(["clock", "--port", str(port)]) == 2
    assert "no sfnlocal answers" in capsys.readouterr().err


def test_only_the_last_executions_are_kept() -> None:
    server = start_server("--virtual-time", "--keep", "2", "--start-at", "2026-03-01T00:00:00Z")
    try:
        machine = server.create("kept", {"Done": {"Type": "Pass", "End": True}})
        first, *last = [server.start(machine) for _ in range(3)]
        with pytest.raises(ApiFaultError, match="Execution Does Not Exist"):
            server.describe(first)
        assert [server.describe(one)["status"] for one in last] == ["SUCCEEDED", "SUCCEEDED"]
        page = server.call("ListExecutions", stateMachineArn=machine)
        assert [one["executionArn"] for one in page["executions"]] == last[::-1]
        assert server.describe(last[0])["startDate"] == 1_772_323_200
    finally:
        assert stop_server(server) == 0


# Real time


@pytest.fixture(scope="module")
def real() -> Iterator[Server]:
    started = start_server("--app", "tests/sfnlocal/server/app.yaml")
    try:
        yield started
    finally:
        assert stop_server(started) == 0


def test_in_real_time_a_second_is_a_second(real: Server) -> None:
    wait = {"Sleep": {"Type": "Wait", "Seconds": 1, "End": True}}
    machine = real.create("second", wait, type="EXPRESS")
    before = time.monotonic()
    answer = real.call("StartSyncExecution", stateMachineArn=machine)
    assert answer["status"] == "SUCCEEDED"
    assert 1 <= time.monotonic() - before < 5
    assert 1 <= answer["stopDate"] - answer["startDate"] < 5
    answered = real.request("POST", "/_sfnlocal/clock", b'{"seconds": 1}')
    assert (answered.status, answered.code) == (400, "ValidationException")


def test_a_function_runs_while_others_ask(real: Server) -> None:
    call = {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:double",
            "End": True,
        }
    }
    machine = real.create("calls", call, type="EXPRESS")
    answer = real.call("StartSyncExecution", stateMachineArn=machine, input='{"number": 1}')
    assert json.loads(answer["output"]) == {"number": 2}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_though_somebody_waits(number: signal.Signals) -> None:
    server = start_server("--virtual-time")
    server.call("CreateActivity", name="none")
    body = json.dumps({"activityArn": "arn:aws:states:us-east-1:123456789012:activity:none"})
    with socket.create_connection(server.address, timeout=15) as waiting:
        # What comes back for the first request shows that the second one is here too.
        waiting.sendall(
            b"GET /_sfnlocal/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
            b"POST / HTTP/1.1\r\nHost: localhost\r\n"
            b"X-Amz-Target: AWSStepFunctions.GetActivityTask\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        assert waiting.recv(1000).startswith(b"HTTP/1.1 200 OK")
        server.process.send_signal(number)
        assert server.process.wait(timeout=10) == 0
        assert waiting.recv(1000) == b""
    assert server.process.stdout is not None
    assert server.process.stdout.read() == ""
    server.process.stdout.close()
