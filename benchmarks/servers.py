"""Servers of the Step Functions API as processes: started, asked through boto3, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

PEERS_FOLDER = Path(".build/peers").resolve()
_START_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """`share` is the goal for its executions a second, as a share of ours."""

    name: str
    requirement: str = ""
    command: Callable[[Path, int], list[str]] = lambda folder, port: []
    environment: Callable[[int], dict[str, str]] = lambda port: {}
    prepare: Callable[[str], None] = lambda url: None
    share: float = 1.0


OURS = Server(
    "sfnlocal",
    command=lambda _, port: [sys.executable, "-m", "sfnlocal", "serve", "--port", str(port)],
    # pip has compiled the peers when it installed them; the first start does it for our sources,
    # also where Python is told to write no bytecode.
    environment=lambda _: {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(PEERS_FOLDER / "sfnlocal"),
    },
)


def installed(server: Server) -> Path:
    """The folder of its programs."""
    folder = PEERS_FOLDER / server.name
    if server.requirement and not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, server.requirement], check=True)
        (folder / "installed").touch()
    return folder / "bin"


@contextmanager
def running(server: Server, programs: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """Its URL, its process, and how many seconds it took to its first answer."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    client = client_of(url)
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


def client_of(url: str) -> Any:
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


def peak_mb(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3
