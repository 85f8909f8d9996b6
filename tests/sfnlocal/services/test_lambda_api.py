"""Lambda's Invoke as code in this process calls it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from sfnlocal.errors import UnsupportedError
from sfnlocal.services.aws import Aws
from sfnlocal.services.functions import FunctionHost

from .conftest import NOW_MS, Functions

Start = Callable[..., Aws]
Host = Callable[..., FunctionHost]
ECHO = "def handler(event, context):\n    print('seen')\n    return {'got': event}"


def test_a_function_calls_another_through_boto3(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add(
        "outer",
        "import boto3, json, os\n"
        "def handler(event, context):\n"
        "    answer = boto3.client('lambda').invoke(FunctionName='inner', Payload=b'{\"a\": 1}')\n"
        "    left = context.get_remaining_time_in_millis()\n"
        "    name = os.environ['AWS_LAMBDA_FUNCTION_NAME']\n"
        "    return [json.loads(answer['Payload'].read()), answer['StatusCode'], left, name]",
    )
    functions.add(
        "inner",
        "import time, os\n"
        "def handler(event, context):\n"
        "    time.sleep(0.5)\n    return [event, os.environ['AWS_LAMBDA_FUNCTION_NAME']]",
    )
    made = host()
    started(functions=made)
    answer = made.invoke("outer", {}, now_ms=NOW_MS)
    assert answer.payload == [[{"a": 1}, "inner"], 200, 2500, "outer"]
    assert answer.elapsed_ms == 500


def test_the_callers_time_out_counts_what_it_calls(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add(
        "outer",
        "import boto3\ndef handler(event, context):\n"
        "    boto3.client('lambda').invoke(FunctionName='inner')",
        timeout_seconds=1,
    )
    functions.add("inner", "import time\ndef handler(event, context):\n    time.sleep(2)")
    made = host()
    started(functions=made)
    assert made.invoke("outer", {}, now_ms=NOW_MS).payload["errorType"] == "Sandbox.Timedout"


def test_a_function_error_is_told_in_the_answer(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context):\n    raise ValueError('no')")
    aws = started(functions=host())
    answer = aws.client("lambda").invoke(FunctionName="f", LogType="Tail")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"
    assert b"[ERROR] ValueError: no" in base64.b64decode(answer["LogResult"])


def test_an_unknown_function_is_boto3s_exception(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", ECHO)
    client = started(functions=host()).client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
        client.invoke(FunctionName="g")


def test_a_payload_that_is_no_json_is_refused(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", ECHO)
    client = started(functions=host()).client("lambda")
    with pytest.raises(client.exceptions.InvalidRequestContentException, match="into json"):
        client.invoke(FunctionName="f", Payload=b"{")


def test_the_client_context_is_decoded(started: Start, functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context):\n    return context.client_context.custom")
    client = started(functions=host()).client("lambda")
    text = base64.b64encode(b'{"custom": {"a": 1}}').decode()
    answer = client.invoke(FunctionName="f", ClientContext=text)
    assert json.loads(answer["Payload"].read()) == {"a": 1}


def test_a_dry_run_calls_nothing(started: Start, functions: Functions, host: Host) -> None:
    functions.add("f", ECHO)
    made = host()
    called: list[Any] = []
    made.observe(lambda *call: called.append(call))
    answer = (
        started(functions=made).client("lambda").invoke(FunctionName="f", InvocationType="DryRun")
    )
    assert (answer["StatusCode"], called) == (204, [])


def test_an_event_runs_later_and_is_tried_three_times(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context):\n    raise ValueError('no')")
    made = host()
    agenda: list[tuple[int, Callable[[], None]]] = []
    aws = started(functions=made, schedule=lambda at_ms, act, *_, **__: agenda.append((at_ms, act)))
    called: list[str] = []
    made.observe(lambda name, answer: called.append(name))
    answer = aws.client("lambda").invoke(FunctionName="f", InvocationType="Event")
    assert (answer["StatusCode"], called) == (202, [])
    times = []
    while agenda:
        at_ms, act = agenda.pop()
        times.append(at_ms - NOW_MS)
        aws.move_to(at_ms)
        act()
    # The last one gives it up.
    assert (times, called) == ([0, 60_000, 180_000, 180_000], ["f"] * 3)


def test_an_event_without_a_session_is_refused(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", ECHO)
    client = started(functions=host()).client("lambda")
    with pytest.raises(UnsupportedError, match="happen later"):
        client.invoke(FunctionName="f", InvocationType="Event")


def test_other_parameters_of_a_call_are_refused_by_name(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", ECHO)
    client = started(functions=host()).client("lambda")
    with pytest.raises(UnsupportedError, match="lambda:Invoke with TenantId is not simulated"):
        client.invoke(FunctionName="f", TenantId="t")


def test_other_operations_are_refused_by_name(
    started: Start, functions: Functions, host: Host
) -> None:
    client = started(functions=host()).client("lambda")
    with pytest.raises(UnsupportedError, match="lambda:ListLayers is not simulated"):
        client.list_layers()
