"""`sfnlocal serve` against the servers of MiniStack and moto, and the engine against
aws-local-stepfunctions. All run here and now, one after the other.

Each is asked through boto3 as any program would, and has to give the right output before it is
timed. They are installed into environments of their own under .build/peers, when first asked for.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import subprocess
import time
import urllib.request
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.engine import SHAPES, chain, execution_ms
from benchmarks.measure import Row
from benchmarks.servers import (
    OURS,
    PEERS_FOLDER,
    Server,
    client_of,
    installed,
    peak_mb,
    running,
)

_NODE_PACKAGES = ("aws-local-stepfunctions@3.0.0", "node@22")
_STARTS = 3
_CLIENTS = 8
_CLIENT_SECONDS = 4.0
_LATENCY_RUNS = 30
_POLL_SECONDS = 0.002
_INPUT = {"id": 1}
_OUTPUT = {"id": 1, "last": True}


def _execute_in_moto(url: str) -> None:
    """moto answers from canned states unless it is told to execute."""
    settings = {"stepfunctions": {"execute_state_machine": True}}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{url}/moto-api/config", json.dumps(settings).encode(), headers, method="POST"
    )
    urllib.request.urlopen(request).close()


_PEERS = (
    Server(
        "MiniStack",
        "ministack==1.5.33",
        lambda folder, _: [str(folder / "ministack")],
        lambda port: {"GATEWAY_PORT": str(port)},
        share=1 / 5,
    ),
    Server(
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
    ours = _measure(OURS)
    result = []
    for peer in _PEERS:
        theirs = _measure(peer)
        result += _against(peer, ours, theirs)
    return result + _in_process_rows()


def _against(peer: Server, ours: _Measured, theirs: _Measured) -> list[Row]:
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


def _measure(server: Server) -> _Measured:
    programs = installed(server)
    starts = []
    for _ in range(_STARTS - 1):
        with running(server, programs) as (_, _, start_seconds):
            starts.append(start_seconds)
    with running(server, programs) as (url, process, start_seconds):
        starts.append(start_seconds)
        server.prepare(url)
        client = client_of(url)
        machine = client.create_state_machine(
            name="chain",
            definition=json.dumps(_definition()),
            roleArn="arn:aws:iam::123456789012:role/benchmark",
        )["stateMachineArn"]
        times = [_execute(client, machine) for _ in range(_LATENCY_RUNS)]
        memory_mb = peak_mb(process)
        rate = _executions_a_second(url, machine)
    return _Measured(statistics.median(starts), statistics.median(times) * 1e3, memory_mb, rate)


def _definition() -> dict[str, Any]:
    """A chain whose last state adds to the output: who has not run it does not know what."""
    definition = chain(50)
    definition["States"]["S49"] |= {"Result": True, "ResultPath": "$.last"}
    return definition


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


def _executions_a_second(url: str, machine: str) -> float:
    """Of clients that each wait for one execution after the other, a process each."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        everybody = manager.Barrier(_CLIENTS)
        with ProcessPoolExecutor(_CLIENTS, context) as pool:
            clients = [
                pool.submit(_keep_executing, url, machine, everybody) for _ in range(_CLIENTS)
            ]
            return sum(one.result() for one in clients)


def _keep_executing(url: str, machine: str, everybody: Any) -> float:
    """One client's executions a second."""
    client = client_of(url)
    _execute(client, machine)
    everybody.wait()
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < _CLIENT_SECONDS:
        _execute(client, machine)
        count += 1
    return count / (time.perf_counter() - begin)


# aws-local-stepfunctions


def _in_process_rows() -> list[Row]:
    folder = PEERS_FOLDER / "node"
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
