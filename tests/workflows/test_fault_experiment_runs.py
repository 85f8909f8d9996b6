"""Fault experiments on the synthesized template: what they break, what they see, and that nothing
of them is left.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from lambdas.injected_fault import VARIABLE
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.visits import all_visits
from sfnlocal.testing import CALL, Failure, LocalApp, Run
from tests.workflows.shop import an_order, iso, stock_up
from tests.workflows.versions import alias, audited, configure, name_of

MACHINE = "FaultExperiment"
TARGET = "ValidateOrder"


@pytest.fixture
def app(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    with sfn_load() as running:
        running.pause_schedules()
        stock_up(running, "mug")
        yield running


def experiment(app: LocalApp, minutes: int = 30, **request: Any) -> Run:
    """One that runs while orders come, one a minute; both have ended then."""
    started = app.start(MACHINE, {"target": TARGET, "minutes": minutes, **request})
    for number in range(minutes):
        app.advance(seconds=60)
        app.start("Order", an_order(f"o-{number}", shipAt=iso(app.now)), f"o-{number}")
    app.advance(minutes=45)
    return started


def clean(app: LocalApp) -> bool:
    """Neither what is latest nor what is live has the fault, and nobody holds anything."""
    client, name = app.client("lambda"), name_of(app, TARGET)
    found = [
        client.get_function_configuration(FunctionName=name, **more)
        for more in ({}, {"Qualifier": "live"})
    ]
    variables = [one.get("Environment", {}).get("Variables", {}) for one in found]
    return not any(VARIABLE in one for one in variables) and not app.items("Leases")


def test_a_version_that_fails_is_healed_and_every_order_is_done(app: LocalApp) -> None:
    run = experiment(app, expect={"alarm": True, "healed": True, "lettersMax": 0})
    run.assert_succeeded()
    assert run.output == {"version": "2", "alarm": True, "healed": True, "letters": 0}
    orders = app.executions("Order")
    assert {one.status for one in orders} == {"SUCCEEDED"}
    assert len(orders) == 30
    assert alias(app, TARGET) == ("1", {})
    assert clean(app)


def test_without_a_heal_the_experiment_takes_the_version_back(app: LocalApp) -> None:
    """Nobody calls the function, so nothing rings."""
    started = app.start(MACHINE, {"target": TARGET, "minutes": 5})
    app.advance(minutes=1)
    assert alias(app, TARGET) == ("2", {})
    app.advance(minutes=5)
    started.assert_succeeded()
    assert started.output == {"version": "2", "alarm": False, "healed": False, "letters": 0}
    assert alias(app, TARGET) == ("1", {})
    assert clean(app)


def test_what_was_expected_and_did_not_happen_fails_the_experiment(app: LocalApp) -> None:
    run = app.run(MACHINE, {"target": TARGET, "minutes": 5, "expect": {"alarm": True}})
    assert (run.status, run.error) == ("FAILED", "NotAsExpected")
    assert json.loads(run.cause or "")["alarm"] is False
    assert clean(app)


@pytest.mark.parametrize(("kind", "took_s"), [("slow", 7), ("hang", 10)])
def test_a_function_can_be_slow_or_hang(app: LocalApp, kind: str, took_s: int) -> None:
    app.start(MACHINE, {"target": TARGET, "minutes": 5, "kind": kind, "slowSeconds": 7})
    app.advance(minutes=1)
    order = app.start("Order", an_order(shipAt=iso(app.now)), "o-1")
    app.advance(minutes=1)
    [visit, *_] = [one for one in all_visits(path_taken(order.execution)) if one.state == TARGET]
    first = visit.attempts[0]
    assert ((first.ended_ms or 0) - first.started_ms) // 1000 == took_s


def test_a_rate_spares_some_calls(app: LocalApp) -> None:
    app.start(MACHINE, {"target": TARGET, "minutes": 5, "rate": 0.5})
    app.advance(minutes=1)
    event = {"executionArn": "arn", "order": an_order(shipAt=iso(app.now))}
    answers = [
        app.client("lambda").invoke(
            FunctionName=f"{name_of(app, TARGET)}:live", Payload=json.dumps(event)
        )
        for _ in range(20)
    ]
    failed = sum("FunctionError" in one for one in answers)
    assert 0 < failed < 20


def test_the_fault_ends_by_itself_when_the_experiment_is_stopped(app: LocalApp) -> None:
    run = app.start(MACHINE, {"target": TARGET, "minutes": 5})
    app.advance(minutes=1)
    app.session.stop_execution(run.arn)
    event = {"executionArn": "arn", "order": an_order(shipAt=iso(app.now))}

    def fails() -> bool:
        answer = app.client("lambda").invoke(
            FunctionName=f"{name_of(app, TARGET)}:live", Payload=json.dumps(event)
        )
        return "FunctionError" in answer

    assert fails()
    app.advance(minutes=5)
    assert not fails()


@pytest.mark.parametrize("state", ["Publish", "Shift", "ReadAlarm", "ReadHeals", "SeeAlias"])
def test_an_experiment_that_fails_cleans_up_and_leaves_a_letter(app: LocalApp, state: str) -> None:
    app.mock(MACHINE, state, [Failure("Broken", "for good")])
    run = app.run(MACHINE, {"target": TARGET, "minutes": 5})
    assert (run.status, run.error) == ("FAILED", "Broken")
    [letter] = app.messages("ExperimentDeadLetters")
    assert letter["executionArn"] == run.arn
    assert alias(app, TARGET) == ("1", {})
    assert clean(app)


def test_somebody_elses_deployment_is_not_overwritten(app: LocalApp) -> None:
    app.start(MACHINE, {"target": TARGET, "minutes": 5})
    app.advance(minutes=1)
    configure(app, TARGET, DEPLOYED="meanwhile")
    app.advance(minutes=10)
    found = app.client("lambda").get_function_configuration(FunctionName=name_of(app, TARGET))
    assert found["Environment"]["Variables"]["DEPLOYED"] == "meanwhile"
    assert clean(app)


def test_a_dry_run_says_what_it_would_do(app: LocalApp) -> None:
    run = app.run(MACHINE, {"target": TARGET, "dryRun": True, "expect": {"alarm": True}})
    run.assert_succeeded()
    assert run.output["into"] == "1"
    assert run.output["would"]["kind"] == "fail"
    assert "Experiment" not in run.visited
    assert clean(app)


def test_two_experiments_on_one_function_are_one_too_many(app: LocalApp) -> None:
    first = app.start(MACHINE, {"target": TARGET, "minutes": 5})
    app.advance(minutes=1)
    second = app.start(MACHINE, {"target": TARGET, "minutes": 5})
    app.advance(minutes=10)
    first.assert_succeeded()
    second.assert_succeeded()
    assert second.output["outcome"] == "REFUSED"
    assert first.arn in second.output["reason"]


def test_an_experiment_is_on_the_record(app: LocalApp) -> None:
    app.run(MACHINE, {"target": TARGET, "minutes": 5}).assert_succeeded()
    entries = audited(app, f"function {name_of(app, TARGET)}")
    assert entries == {("experiment", "BEFORE"): 1, ("experiment", "AFTER"): 1}


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"target": "Nobody"}, "there is no target Nobody; there are ValidateOrder"),
        ({"target": TARGET, "kind": "melt"}, "there is no kind melt; there are fail, hang, slow"),
        ({"target": TARGET, "rate": 0}, "rate must be a number from 0.01 to 1, not 0"),
        ({"target": TARGET, "minutes": 90}, "minutes must be a number from 5 to 60, not 90"),
        ({"target": TARGET, "color": "red"}, "there is no field color; there are target"),
        ({"target": TARGET, "expect": {"mood": 1}}, "expect may have alarm, healed, lettersMax"),
        ({"target": TARGET, "dryRun": "yes"}, "dryRun must be true or false"),
    ],
)
def test_what_does_not_fit_is_named(app: LocalApp, request_: dict[str, Any], problem: str) -> None:
    run = app.run(MACHINE, request_)
    run.assert_succeeded()
    assert run.output["outcome"] == "REFUSED"
    assert problem in run.output["reason"]


def test_a_task_that_could_not_be_done_is_tried_again(app: LocalApp) -> None:
    app.mock(MACHINE, "Publish", [Failure("Lambda.TooManyRequestsException"), CALL])
    app.run(MACHINE, {"target": TARGET, "minutes": 5}).assert_succeeded()
    assert clean(app)
