"""A new sandbox is given the clients of the last one only where that cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from sfnlocal.services.aws import Aws
from sfnlocal.services.functions import FunctionHost

from .conftest import NOW_MS, QUEUE_URL, Functions, queue

Host = Callable[..., FunctionHost]
Start = Callable[..., Aws]
Invoke = Callable[..., Any]

# A client that stays known is not mistaken for a new one at its address.
SOURCE = """
import os, sys
import boto3
from botocore.config import Config

def made(*args, **kwargs):
    client = boto3.client(*args, **kwargs)
    is_known = any(client is one for one in boto3.known_clients)
    boto3.known_clients.append(client)
    return client, is_known

CLIENT, IS_KNOWN = made("sqs")

def handler(event, context):
    exec(event)
    return IS_KNOWN
"""


@pytest.fixture
def invoke(
    functions: Functions, host: Host, started: Start, monkeypatch: pytest.MonkeyPatch
) -> Invoke:
    """Runs statements in a function: was its client, or what they set IS_KNOWN to, seen before?"""
    monkeypatch.setattr(boto3, "known_clients", [], raising=False)
    functions.add("f", SOURCE)
    functions.add("g", SOURCE)
    made = host()
    started(queue("q"), functions=made)

    def run(statements: str, function: str = "f") -> Any:
        return made.invoke(function, f"global IS_KNOWN\n{statements}", now_ms=NOW_MS).payload

    return run


def test_a_new_sandbox_is_given_the_client_that_the_last_one_used(invoke: Invoke) -> None:
    send = f"CLIENT.send_message(QueueUrl='{QUEUE_URL}q', MessageBody='m')"
    assert [invoke(send), invoke("sys.exit()")["errorType"], invoke(send)] == [
        False,
        "Runtime.ExitError",
        True,
    ]


@pytest.mark.parametrize(
    "change",
    [
        "CLIENT.meta.events.register('before-call.sqs', print)",
        "CLIENT.meta.events.register_last('after-call', print)",
        "CLIENT.send_message = print",
        "CLIENT.meta.mine = 1",
        "type(CLIENT).send_message = print",
    ],
)
def test_a_client_that_was_changed_is_not_given_on(invoke: Invoke, change: str) -> None:
    invoke(f"{change}; sys.exit()")
    assert invoke("") is False


def test_errors_that_were_asked_for_change_nothing(invoke: Invoke) -> None:
    invoke("CLIENT.exceptions.QueueDoesNotExist; sys.exit()")
    assert invoke("") is True


@pytest.mark.parametrize(
    "asked",
    [
        "'sqs', region_name='us-east-1'",
        "'sqs', config=Config(retries={'total_max_attempts': 1})",
        "'sqs', config=Config(retries={'total_max_attempts': 2})",
        "'dynamodb'",
    ],
)
def test_who_asks_otherwise_gets_another(invoke: Invoke, asked: str) -> None:
    invoke("made('sqs', config=Config(retries={'total_max_attempts': 3})); sys.exit()")
    assert invoke(f"IS_KNOWN = made({asked})[1]") is False


def test_one_sandbox_has_as_many_clients_as_it_asks_for(invoke: Invoke) -> None:
    invoke("sys.exit()")
    assert invoke("IS_KNOWN = made('sqs')[1]") is False


def test_a_sandbox_in_which_another_call_goes_on_keeps_its_clients(invoke: Invoke) -> None:
    answer = invoke(
        "answer = boto3.client('lambda').invoke(FunctionName='f', Payload='\"sys.exit()\"')\n"
        "IS_KNOWN = answer['FunctionError']"
    )
    assert (answer, invoke("")) == ("Unhandled", False)


def test_other_variables_make_other_clients(invoke: Invoke) -> None:
    invoke("made('dynamodb'); sys.exit()")
    assert invoke("os.environ['AWS_REGION'] = 'us-east-1'; IS_KNOWN = made('dynamodb')[1]") is False


def test_no_other_function_is_given_them(functions: Functions, invoke: Invoke) -> None:
    invoke("sys.exit()")
    assert invoke("", "g") is False


def test_a_client_of_a_service_that_is_simulated_elsewhere_is_not_given_on(
    invoke: Invoke,
) -> None:
    invoke("made('sts'); sys.exit()")
    assert invoke("IS_KNOWN = made('sts')[1]") is False


def test_what_cannot_be_compared_is_made_anew(invoke: Invoke) -> None:
    asked = "made('sqs', verify=os.path)"
    invoke(f"{asked}; sys.exit()")
    assert invoke(f"IS_KNOWN = {asked}[1]") is False
