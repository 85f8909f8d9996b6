"""Calls that triggers make: to our own services without boto3, to moto's with it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws

from .conftest import NOW_MS, make_app, resource


def echo(operation: str, params: dict[str, Json]) -> dict[str, Json]:
    return {"operation": operation, **params}


def test_a_routed_service_answers_without_boto3() -> None:
    aws = Aws(make_app(), now_ms=NOW_MS)
    aws.route("sqs", echo)
    # An Aws that is not started could not load moto.
    assert aws.call("sqs", "Fly", {"high": 1}) == {"operation": "Fly", "high": 1}


def test_another_service_is_motos_and_its_errors_are_the_same(
    started: Callable[..., Aws],
) -> None:
    aws = started(resource("AWS::SSM::Parameter", "P", Type="String", Value="x"))
    assert aws.call("ssm", "GetParameter", {"Name": "P"})["Parameter"]["Value"] == "x"
    with pytest.raises(ApiError) as absent:
        aws.call("ssm", "GetParameter", {"Name": "Q"})
    assert (absent.value.aws_code, absent.value.http_status) == ("ParameterNotFound", 400)
    with pytest.raises(ApiError, match="Unknown parameter"):
        aws.call("ssm", "GetParameter", {"Name": "P", "Colour": "red"})


def test_observers_hear_of_calls_that_succeed() -> None:
    aws = Aws(make_app(), now_ms=NOW_MS)
    heard: list[Any] = []
    aws.observe(lambda *call: heard.append(call))

    def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        if operation == "Fail":
            raise ApiError("No", "no")
        return {"ok": True}

    aws.route("sqs", answer)
    aws.call("sqs", "Send", {"a": 1})
    with pytest.raises(ApiError):
        aws.call("sqs", "Fail", {})
    assert heard == [("sqs", "Send", {"a": 1}, {"ok": True})]


def test_what_is_answered_later_is_waited_for_by_letting_things_happen() -> None:
    later: Future[dict[str, Json]] = Future()
    turns: list[int] = []

    def turn(until_ms: int | None = None) -> bool:
        turns.append(1)
        if len(turns) == 3:
            later.set_result({"done": True})
        return True

    aws = Aws(make_app(), now_ms=NOW_MS, turn=turn)
    heard: list[Any] = []
    aws.observe(lambda *call: heard.append(call[-1]))
    aws.route("sqs", lambda operation, params: later)
    assert aws.call("sqs", "Receive", {}) == {"done": True}
    assert (len(turns), heard) == (3, [{"done": True}])


def test_what_cannot_be_answered_before_everything_stands_still_is_refused() -> None:
    later: Future[dict[str, Json]] = Future()
    aws = Aws(make_app(), now_ms=NOW_MS, turn=lambda until_ms=None: False)
    aws.route("sqs", lambda operation, params: later)
    with pytest.raises(UnsupportedError, match="Receive waits for what cannot happen"):
        aws.call("sqs", "Receive", {})
    assert later.cancelled()


def test_a_guarded_route_answers_under_the_guard() -> None:
    inside: list[bool] = []
    held = [False]

    @contextmanager
    def guard() -> Any:
        held[0] = True
        yield
        held[0] = False

    def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        inside.append(held[0])
        return {}

    aws = Aws(make_app(), now_ms=NOW_MS)
    aws.guard = guard()
    aws.route("sqs", answer, guarded=True)
    aws.route("lambda", answer)
    aws.call("sqs", "A", {})
    aws.call("lambda", "A", {})
    assert inside == [True, False]


def test_nothing_happens_later_without_a_session() -> None:
    with pytest.raises(UnsupportedError, match="needs a running session"):
        Aws(make_app(), now_ms=NOW_MS).at(NOW_MS, lambda: None)


def test_events_of_services_reach_who_listens() -> None:
    aws = Aws(make_app(), now_ms=NOW_MS)
    heard: list[Any] = []
    aws.on_event(lambda *event: heard.append(event))
    aws.emit("aws.s3", "Object Created", {"a": 1}, ["arn:b"])
    assert heard == [("aws.s3", "Object Created", {"a": 1}, ["arn:b"])]
