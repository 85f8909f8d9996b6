"""What is not loaded where nobody calls a service: the AWS SDK takes longer than the run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_STATES = {
    "Greet": {"Type": "Pass", "Result": "hello", "Next": "Linger"},
    "Linger": {"Type": "Wait", "Seconds": 0, "Next": "Which"},
    "Which": {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "StringEquals": "hello", "Next": "Done"}],
    },
    "Done": {"Type": "Succeed"},
}
_TEMPLATE = {
    "Resources": {
        "Hello": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": "arn:aws:iam::123456789012:role/machine",
                "Definition": {"StartAt": "Greet", "States": _STATES},
            },
        }
    }
}

_RUN = """
import sys
from sfnlocal.cli import main

assert main(["run", "Hello", "--app", sys.argv[1], "--contents", "--svg", sys.argv[2]]) == 0
"""
_SERVE = """
import http.client, json, os, signal, sys, threading, time
from pathlib import Path
from sfnlocal.server.serve import Settings, serve
from sfnlocal.template import load_app

def call(port, operation, **params):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    target = {"X-Amz-Target": f"AWSStepFunctions.{operation}"}
    connection.request("POST", "/", json.dumps(params), target)
    return json.load(connection.getresponse())

def execute(port):
    try:
        [machine] = call(port, "ListStateMachines")["stateMachines"]
        started = call(port, "StartExecution", stateMachineArn=machine["stateMachineArn"])
        arn = started["executionArn"]
        while (status := call(port, "DescribeExecution", executionArn=arn)["status"]) == "RUNNING":
            time.sleep(0.005)
        print(status)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)

def ready(url):
    threading.Thread(target=execute, args=[int(url.rpartition(":")[2])]).start()

serve(load_app(Path(sys.argv[1])), Settings(port=0), ready)
"""
_LOADED = """
unwanted = ("boto3", "botocore.session", "moto", "time_machine")
print([name for name in unwanted if name in sys.modules])
"""


@pytest.mark.parametrize("program", [_RUN, _SERVE], ids=["run", "serve"])
def test_an_app_that_calls_no_service_runs_without_boto3_and_moto(
    program: str, tmp_path: Path
) -> None:
    template = tmp_path / "template.json"
    template.write_text(json.dumps(_TEMPLATE))
    done = subprocess.run(
        [sys.executable, "-c", program + _LOADED, template, tmp_path / "run.svg"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SUCCEEDED" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
