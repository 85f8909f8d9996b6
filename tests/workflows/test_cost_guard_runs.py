"""The cost guard on the synthesized template: a loop that is stopped, and what is given back.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from sfnlocal.ports import Json
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run
from tests.workflows.switches import (
    concurrency,
    count_starts,
    is_on,
    schedule,
    set_concurrency,
)
from tests.workflows.versions import audited, configure

HOPS_MAX = 8


@pytest.fixture
def guarded(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    """Only the guard's own schedule is on."""
    with sfn_load() as app:
        for one in app.app.of_type("AWS::Scheduler::Schedule"):
            if not one.path.startswith("CostGuard/"):
                app.session.triggers.schedules.disable(one.path.removesuffix("/Resource"))
        yield app


@pytest.fixture
def told(guarded: LocalApp) -> list[dict[str, str]]:
    """What people were told."""
    found: list[dict[str, str]] = []

    def listen(service: str, operation: str, params: Json, _response: Json) -> None:
        if (service, operation) == ("sns", "Publish"):
            found.append(params)

    guarded.session.aws.observe(listen)
    return found


def guard(app: LocalApp, **asked: Any) -> Run:
    return app.run("CostGuard", asked)


def outcomes(run: Run) -> dict[str, str]:
    return {one["target"]: one["outcome"] for one in run.output["targets"]}


def loop_calls(app: LocalApp) -> int:
    return sum("Loop" in one.target_arn for one in app.triggered)


# The loop


def test_the_hop_count_stops_the_loop_and_puts_the_message_aside(guarded: LocalApp) -> None:
    guarded.send("LoopQueue", {"order": 1})
    guarded.advance(minutes=5)
    # The first message has made no hop.
    assert loop_calls(guarded) == HOPS_MAX + 1
    assert guarded.messages("LoopQueue") == []
    assert guarded.messages("LoopQueueDeadLetters") == [{"order": 1}]


def test_without_the_hop_count_the_guard_stops_the_loop(
    guarded: LocalApp, told: list[dict[str, str]]
) -> None:
    configure(guarded, "Loop", LOOP_HOPS_MAX="1000000000")
    guarded.send("LoopQueue", {"order": 1})
    guarded.advance(minutes=31)
    calls = loop_calls(guarded)
    assert calls <= 400
    assert not is_on(guarded, "Loop")
    assert concurrency(guarded, "Loop") == 0
    guarded.advance(hours=2)
    assert loop_calls(guarded) == calls
    [message] = told
    assert message["Subject"] == "STOPPED: Loop"
    assert "aws stepfunctions start-execution" in message["Message"]
