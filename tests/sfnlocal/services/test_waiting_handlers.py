"""A handler that waits for an Express execution: what is due meanwhile happens, for everybody.

Sources: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.ports import Caller, ServiceCall
from sfnlocal.services.environments_in_process import InProcessEnvironments
from sfnlocal.template import load_app
from sfnlocal.testing import LocalApp

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:"
CODE = """
import json, time, boto3

def wait(event, context):
    began = time.time()
    time.sleep(event.get("sleep", 0))
    answer = boto3.client("stepfunctions").start_sync_execution(
        stateMachineArn=event["machine"], input=json.dumps(event["input"])
    )
    return {
        "status": answer["status"],
        "output": json.loads(answer.get("output", "null")),
        "seconds": time.time() - began,
        "left": context.get_remaining_time_in_millis(),
    }

def call(event, context):
    answer = boto3.client("lambda").invoke(FunctionName="wait", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())

def sleep(event, context):
    time.sleep(event["seconds"])
    return "slept"

def cling(event, context):
    client = boto3.client("stepfunctions")
    try:
        time.sleep(60)
    finally:
        client.start_execution(stateMachineArn=event["machine"], input='{"seconds": 0}')
"""


def function(name: str) -> dict[str, Any]:
    properties = {
        "FunctionName": name,
        "Handler": f"index.{name}",
        "Runtime": "python3.14",
        "Timeout": 10,
        "Code": {"ZipFile": CODE},
        "Role": f"arn:aws:iam::123456789012:role/{name}",
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def machine(name: str, kind: str, states: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "StateMachineName": name,
        "StateMachineType": kind,
        "RoleArn": f"arn:aws:iam::123456789012:role/{name}",
        "Definition": {"StartAt": next(iter(states)), "States": states},
    }
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


def invoke(name: str, **more: object) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    return {**task, "Parameters": {"FunctionName": name, "Payload.$": "$"}, **more}


WAIT = {"Type": "Wait", "SecondsPath": "$.seconds"}
RESOURCES = {
    **{name: function(name) for name in ("wait", "call", "sleep", "cling")},
    "Short": machine("Short", "EXPRESS", {"Wait": {**WAIT, "End": True}}),
    "Sleeping": machine(
        "Sleeping",
        "EXPRESS",
        {"Sleep": invoke("sleep", OutputPath="$.Payload")},
    ),
    "Outer": machine("Outer", "STANDARD", {"Call": invoke("wait", OutputPath="$.Payload")}),
    "Impatient": machine("Impatient", "STANDARD", {"Call": invoke("wait", TimeoutSeconds=3)}),
    "Beside": machine("Beside", "STANDARD", {"Wait": {**WAIT, "End": True}}),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApp]:
    template: Path = tmp_path_factory.mktemp("app") / "template.json"
    template.write_text(json.dumps({"Resources": RESOURCES}))
    with LocalApp(load_app(template), iam=False) as app:
        yield app


def asked(name: str, seconds: float, **more: object) -> dict[str, Any]:
    return {"machine": ARN + name, "input": {"seconds": seconds}, **more}


def invoked(app: LocalApp, name: str, event: dict[str, Any]) -> Any:
    answer = app.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def test_the_handlers_time_is_that_of_what_it_waits_for(app: LocalApp) -> None:
    began_ms = app.session.now_ms
    answer = invoked(app, "wait", asked("Short", 4, sleep=1))
    # It slept while nobody else did: the execution began at the time of all.
    assert (answer["status"], answer["seconds"], answer["left"]) == ("SUCCEEDED", 4, 6000)
    assert app.session.now_ms - began_ms == 4000


def test_what_the_execution_calls_may_be_a_function(app: LocalApp) -> None:
    assert invoked(app, "wait", asked("Sleeping", 2))["output"] == "slept"


def test_a_handler_may_wait_for_a_handler_that_waits(app: LocalApp) -> None:
    answer = invoked(app, "call", asked("Sleeping", 2))
    assert (answer["status"], answer["seconds"]) == ("SUCCEEDED", 2)


def test_other_executions_go_on_meanwhile(app: LocalApp) -> None:
    beside, late = app.start("Beside", {"seconds": 3}), app.start("Beside", {"seconds": 6})
    invoked(app, "wait", asked("Short", 4))
    assert (beside.status, late.status) == ("SUCCEEDED", "RUNNING")
    app.finish(late)


def test_a_function_ends_at_its_time_out_and_the_execution_goes_on(app: LocalApp) -> None:
    answer = invoked(app, "wait", asked("Short", 30))
    assert answer["errorType"] == "Sandbox.Timedout"
    run = app.executions("Short")[-1]
    assert run.status == "RUNNING"
    assert app.finish(run).status == "SUCCEEDED"


def test_what_a_function_does_after_its_time_out_reaches_no_service(app: LocalApp) -> None:
    answer = invoked(app, "cling", {"machine": ARN + "Beside"})
    assert answer["errorType"] == "Sandbox.Timedout"
    started = len(app.executions("Beside"))
    environments = app.session.functions.environments
    assert isinstance(environments, InProcessEnvironments)
    environments.end_abandoned()
    assert len(app.executions("Beside")) == started


def test_the_task_of_a_waiting_function_takes_as_long_as_it_waits(app: LocalApp) -> None:
    run = app.run("Outer", asked("Short", 5))
    assert run.output["status"] == "SUCCEEDED"
    execution = run.execution
    assert execution.stop_ms is not None
    assert execution.stop_ms - execution.start_ms == 5000


def test_a_task_that_gives_up_first_is_not_answered_any_more(app: LocalApp) -> None:
    assert app.run("Impatient", asked("Short", 5)).error == "States.Timeout"


def test_what_happens_meanwhile_is_not_done_by_who_called_the_function(app: LocalApp) -> None:
    class Seen:
        def __init__(self) -> None:
            self.callers: list[tuple[str, str]] = []

        def before(self, call: ServiceCall) -> None:
            who = "nobody" if call.caller is None else call.caller.service
            self.callers.append((call.operation, who))

        def after(self, call: ServiceCall) -> None:
            pass

    seen = Seen()
    app.session.aws.add_gate(seen)
    with app.session.aws.acting(Caller("apigateway.amazonaws.com", "arn")):
        app.session.at(app.session.now_ms, lambda: app.client("sqs").list_queues())
        invoked(app, "wait", asked("Short", 1))
    assert ("ListQueues", "nobody") in seen.callers
    assert ("StartSyncExecution", "lambda.amazonaws.com") in seen.callers
