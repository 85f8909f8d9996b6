"""A server of its own process for each module, in virtual time, and clients of it.

A client in this process would be caught by the hooks that the simulation puts into botocore, had
another test started it here; these are made before, and talk HTTP.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

MODEL = ServiceModel(create_loader().load_service_model("stepfunctions", "service-2"))
ROLE = "arn:aws:iam::123456789012:role/machine"
STATES_ARN = "arn:aws:states:us-east-1:123456789012"
_APP = Path(__file__).parent / "app.yaml"
_STOP_SECONDS_MAX = 10


class ApiFaultError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json.get("__type", "")).rpartition("#")[2]


@dataclass
class Server:
    url: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def client(self, service: str = "stepfunctions") -> Any:
        session = boto3.Session(
            aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
        )
        make: Callable[..., Any] = session.client
        return make(
            service,
            endpoint_url=self.url,
            config=Config(
                inject_host_prefix=False,
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                max_pool_connections=100,
            ),
        )

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answered:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answered(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def post(self, operation: str, body: bytes) -> Answered:
        return self.request("POST", "/", body, {"X-Amz-Target": f"AWSStepFunctions.{operation}"})

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """The response, checked against botocore's model; ApiFaultError for an error."""
        answered = self.post(operation, json.dumps(params).encode())
        answer = answered.json
        if answered.status != 200:
            raise ApiFaultError(answered.status, answered.code, answer["message"])
        shape = MODEL.operation_model(operation).output_shape
        assert shape is not None
        report = ParamValidator().validate(answer, shape)
        assert not report.has_errors(), report.generate_report()
        assert isinstance(answer, dict)
        return answer

    def advance(self, seconds: float) -> str:
        """Let time pass; what is due in it has happened when this returns."""
        body = json.dumps({"seconds": seconds}).encode()
        now: str = self.request("POST", "/_sfnlocal/clock", body).json["now"]
        return now

    def create(self, name: str, states: Mapping[str, Any], **params: Any) -> str:
        definition = json.dumps({"StartAt": next(iter(states)), "States": states})
        arn: str = self.call(
            "CreateStateMachine", name=name, definition=definition, roleArn=ROLE, **params
        )["stateMachineArn"]
        return arn

    def start(self, state_machine_arn: str, **params: Any) -> str:
        arn: str = self.call("StartExecution", stateMachineArn=state_machine_arn, **params)[
            "executionArn"
        ]
        return arn

    def describe(self, execution_arn: str) -> dict[str, Any]:
        return self.call("DescribeExecution", executionArn=execution_arn)


def start_server(*options: str) -> Server:
    # With no app of its own, one without HTTP APIs: not what lies in the working directory.
    app = [] if "--app" in options else ["--app", str(_APP)]
    command = [sys.executable, "-m", "sfnlocal", "serve", "--port", "0", *app, *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "http://" in line, f"the server did not start: {line!r}"
    return Server(f"http://{line.partition('http://')[2].split()[0]}", process)


def stop_server(server: Server) -> int:
    server.process.terminate()
    assert server.process.stdout is not None
    server.process.stdout.close()
    return server.process.wait(_STOP_SECONDS_MAX)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """In virtual time, with the app of app.yaml."""
    started = start_server("--app", str(_APP), "--virtual-time")
    try:
        yield started
    finally:
        assert stop_server(started) == 0
