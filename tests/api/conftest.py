"""State machines through boto3, at any endpoint: `pytest tests/api --sfn-endpoint URL`.

Without one, a server of sfnlocal is started for the session, in virtual time. It is a process of
its own, as the image of AWS would be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

MOCK_CONFIG = Path(__file__).with_name("MockConfigFile.json")
ROLE = "arn:aws:iam::123456789012:role/service-role/tests"
# An endpoint in real time waits between retries.
_RUN_SECONDS_MAX = 60
# There is no other way to learn of an execution's end at every endpoint.
_POLL_SECONDS = 0.02
_STOP_SECONDS_MAX = 10


@dataclass(frozen=True)
class Run:
    """An execution that has ended. `error` and `cause` stand where it failed."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    events: list[Any]

    @property
    def visited(self) -> list[str]:
        """The names of the states in the order in which they were entered."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.events
            if event["type"].endswith("StateEntered")
        ]

    def count(self, event_type: str) -> int:
        return sum(event["type"] == event_type for event in self.events)


class Api:
    def __init__(self, url: str) -> None:
        session = boto3.Session(
            aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
        )
        self._client = session.client("stepfunctions", endpoint_url=url)
        self._dynamodb = session.client("dynamodb", endpoint_url=url)

    def create(self, name: str, definition: dict[str, Any]) -> str:
        """The state machine, which an earlier run of these tests may have left there."""
        text = json.dumps(definition)
        try:
            arn: str = self._client.create_state_machine(name=name, definition=text, roleArn=ROLE)[
                "stateMachineArn"
            ]
        except self._client.exceptions.StateMachineAlreadyExists:
            pages = self._client.get_paginator("list_state_machines").paginate()
            arn = next(
                one["stateMachineArn"]
                for page in pages
                for one in page["stateMachines"]
                if one["name"] == name
            )
            self._client.update_state_machine(stateMachineArn=arn, definition=text)
        return arn

    def run(self, state_machine: str, input: Any, test_case: str | None = None) -> Run:
        """Start an execution, in a test case of the mock configuration, and wait for its end."""
        named = state_machine if test_case is None else f"{state_machine}#{test_case}"
        arn = self._client.start_execution(stateMachineArn=named, input=json.dumps(input))[
            "executionArn"
        ]
        until = time.monotonic() + _RUN_SECONDS_MAX
        while (answer := self._client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < until, f"{arn} does not end"
            time.sleep(_POLL_SECONDS)
        pages = self._client.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        failure = events[-1].get("executionFailedEventDetails", {})
        return Run(
            answer["status"],
            json.loads(answer["output"]) if "output" in answer else None,
            failure.get("error"),
            failure.get("cause"),
            events,
        )

    def put_item(self, table: str, item: dict[str, Any]) -> None:
        self._dynamodb.put_item(TableName=table, Item=item)


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest, assembly: Path) -> Iterator[str]:
    url = request.config.getoption("--sfn-endpoint")
    if url is not None:
        yield url
        return
    command = [sys.executable, "-m", "sfnlocal", "serve", "--virtual-time", "--port", "0"]
    where = ["--aws-account", "123456789012", "--aws-region", "us-east-1"]
    options = ["--app", str(assembly), "--mock-config", str(MOCK_CONFIG), *where]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert "http://" in line, "the server did not start"
        yield f"http://{line.partition('http://')[2].split()[0]}"
        server.terminate()
        assert server.wait(_STOP_SECONDS_MAX) == 0


@pytest.fixture(scope="session")
def api(endpoint: str) -> Api:
    return Api(endpoint)


@pytest.fixture(scope="session")
def deployed_there(request: pytest.FixtureRequest) -> None:
    """The application's functions, tables and queues are at the endpoint."""
    if request.config.getoption("--sfn-endpoint") is not None:
        pytest.skip("the application is not deployed at --sfn-endpoint")
