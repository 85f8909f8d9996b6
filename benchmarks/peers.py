"""`sfnlocal serve` against the servers of MiniStack and moto, and the engine against
aws-local-stepfunctions. All run here and now, one after the other.

Each is asked through boto3 as any program would, and has to give the right output before it is
timed. They are installed into environments of their own under .build/peers, when first asked for.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from benchmarks.engine import SHAPES, chain, execution_ms
from benchmarks.measure import Row

_FOLDER = Path(".build/peers").resolve()
_NODE_PACKAGES = ("aws-local-stepfunctions@3.0.0", "node@22")
_STARTS = 3
_CLIENTS = 8
_CLIENT_SECONDS = 4.0
_LATENCY_RUNS = 30
_POLL_SECONDS = 0.002
_START_SECONDS_MAX = 60.0
_INPUT = {"id": 1}
_OUTPUT = {"id": 1, "last": True}


@dataclass(frozen=True, slots=True)
class _Server:
    """`share` is the goal for its executions a second, as a share of ours."""

    name: str
    requirement: str = ""
    command: Callable[[Path, int], list[str]] = lambda folder, port: []
    environment: Callable[[int], dict[str, str]] = lambda port: {}
    prepare: Callable[[str], None] = lambda url: None
    share: float = 1.0


def _execute_in_moto(url: str) -> None:
    """moto answers from canned states unless it is told to execute."""
    settings = {"stepfunctions": {"execute_state_machine": True}}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{url}/moto-api/config", json.dumps(settings).encode(), headers, method="POST"
    )
    urllib.request.urlopen(request).close()


_OURS = _Server(
    "sfnlocal",
    command=lambda _, port: [sys.executable, "-m", "sfnlocal", "serve", "--port", str(port)],
)
_PEERS = (
    _Server(
        "MiniStack",
        "ministack==1.5.33",
        lambda folder, _: [str(folder / "ministack")],
        lambda port: {"GATEWAY_PORT": str(port)},
        share=1 / 5,
    ),
    _Server(
        "moto",
        "moto[server,stepfunctions]==5.2.5",
        lambda folder, port: [str(folder / "moto_server"), "-p", str(port)],
        prepare=_execute_in_moto,
        share=1 / 20,
    ),
)


@dataclass(frozen=True, slots=True)
class _Measured:
    start_seconds: float
    latency_ms: float
    memory_mb: float
    executions_a_second: float


def rows() -> list[Row]:
    ours = _measure(_OURS)
    result = []
    for peer in _PEERS:
        theirs = _measure(peer)
        result += _against(peer, ours, theirs)
    return result + _in_process_rows()


def _against(peer: _Server, ours: _Measured, theirs: _Measured) -> list[Row]:
    def row(what: str, one: float, other: float, unit: str) -> Row:
        detail = f"{one:.2f} {unit} against {other:.2f} {unit}"
        return Row(f"serve, {what}", one / other, 1.0, f"x {peer.name}", detail)

    rate, other_rate = ours.executions_a_second, theirs.executions_a_second
    return [
        row("start to first answer", ours.start_seconds, theirs.start_seconds, "s"),
        row("50 Pass states, start to SUCCEEDED", ours.latency_ms, theirs.latency_ms, "ms"),
        row("peak memory of these executions", ours.memory_mb, theirs.memory_mb, "MB"),
        Row(
            f"{peer.name}'s executions a second, {_CLIENTS} clients",
            other_rate / rate,
            peer.share,
            "x ours",
            f"{other_rate:.0f}/s against {rate:.0f}/s",
        ),
    ]


# One server


def _measure(server: _Server) -> _Measured:
    programs = _installed(server)
    starts = []
    for _ in range(_STARTS - 1):
        with _running(server, programs) as (_, _, start_seconds):
            starts.append(start_seconds)
    with _running(server, programs) as (url, process, start_seconds):
        starts.append(start_seconds)
        server.prepare(url)
        client = _client(url)
        machine = client.create_state_machine(
            name="chain",
            definition=json.dumps(_definition()),
            roleArn="arn:aws:iam::123456789012:role/benchmark",
        )["stateMachineArn"]
        times = [_execute(client, machine) for _ in range(_LATENCY_RUNS)]
        memory_mb = _peak_mb(process)
        rate = _executions_a_second(url, machine)
    return _Measured(statistics.median(starts), statistics.median(times) * 1e3, memory_mb, rate)


def _definition() -> dict[str, Any]:
    """A chain whose last state adds to the output: who has not run it does not know what."""
    definition = chain(50)
    definition["States"]["S49"] |= {"Result": True, "ResultPath": "$.last"}
    return definition


def _installed(server: _Server) -> Path:
    """The folder of its programs."""
    folder = _FOLDER / server.name
    if server.requirement and not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, server.requirement], check=True)
        (folder / "installed").touch()
    return folder / "bin"


@contextmanager
def _running(
    server: _Server, programs: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """Its URL, its process, and how many seconds it took to its first answer."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    client = _client(url)
    environment = {**os.environ, **server.environment(port)}
    with tempfile.TemporaryDirectory() as folder, Path(folder, "output").open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            server.command(programs, port),
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            while not _answers(client):
                assert process.poll() is None, Path(folder, "output").read_text()
                assert time.perf_counter() - begin < _START_SECONDS_MAX, server.name
                time.sleep(0.005)
            yield url, process, time.perf_counter() - begin
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


def _client(url: str) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def _answers(client: Any) -> bool:
    try:
        client.list_state_machines()
    except BotoCoreError:
        return False
    return True


def _execute(client: Any, machine: str) -> float:
    """Start an execution and wait until it has succeeded: the seconds that it took."""
    begin = time.perf_counter()
    arn = client.start_execution(
        stateMachineArn=machine, name=uuid.uuid4().hex, input=json.dumps(_INPUT)
    )["executionArn"]
    while (found := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(_POLL_SECONDS)
    seconds = time.perf_counter() - begin
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"]) == _OUTPUT, found
    return seconds


def _peak_mb(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


def _executions_a_second(url: str, machine: str) -> float:
    """Of clients that each wait for one execution after the other, a process each."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        everybody = manager.Barrier(_CLIENTS)
        with ProcessPoolExecutor(_CLIENTS, context) as pool:
            clients = [
                pool.submit(_keep_executing, url, machine, everybody) for _ in range(_CLIENTS)
            ]
            return sum(client.result() for client in clients)


def _keep_executing(url: str, machine: str, everybody: Any) -> float:
    """One client's executions a second."""
    client = _client(url)
    _execute(client, machine)
    everybody.wait()
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < _CLIENT_SECONDS:
        _execute(client, machine)
        count += 1
    return count / (time.perf_counter() - begin)


# aws-local-stepfunctions


def _in_process_rows() -> list[Row]:
    folder = _FOLDER / "node"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        command = ["npm", "install", "--silent", "--no-progress", *_NODE_PACKAGES]
        subprocess.run(command, cwd=folder, check=True)
        (folder / "installed").touch()
    script = Path(__file__).with_name("aws_local_stepfunctions.mjs")
    done = subprocess.run(
        [folder / "node_modules" / ".bin" / "node", script],
        cwd=folder,
        input=json.dumps([[definition, value] for definition, value, _ in SHAPES.values()]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = []
    for shape, theirs_ms in zip(SHAPES, json.loads(done.stdout), strict=True):
        ours_ms = execution_ms(shape)
        detail = f"{ours_ms:.3f} ms against {theirs_ms:.3f} ms of aws-local-stepfunctions"
        result.append(Row(f"{shape}, in process", ours_ms / theirs_ms, 1.0, "x theirs", detail))
    return result
