"""What executions report to CloudWatch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.template.resources import App, Resource, StateMachine

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:Order"
START_MS = 1_767_225_600_000


def machine(type_: str = "STANDARD", **more: str) -> StateMachine:
    definition = {
        "StartAt": "Look",
        "TimeoutSeconds": 60,
        "States": {
            "Look": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.ok", "BooleanEquals": True, "Next": "Wait"}],
                "Default": "Give up",
            },
            "Wait": {"Type": "Wait", "SecondsPath": "$.seconds", "End": True},
            "Give up": {"Type": "Fail"},
        },
    }
    resource = Resource("stack", "Order", "AWS::StepFunctions::StateMachine", "", ARN, ARN, {}, "")
    return StateMachine(resource, "Order", ARN, type_, "", definition, **more)


def reported(session: Session, **dimensions: str) -> dict[str, float]:
    wanted = tuple(sorted(dimensions.items()))
    session.aws.call("cloudwatch", "ListMetrics", {})
    return {
        metric.id.name: found[0].sum
        for metric in session.aws.metrics
        if metric.id.dimensions == wanted
        if (found := metric.distributions(START_MS, 3_600_000, 1))
    }


def session(one: StateMachine) -> Session:
    app = App(Path(), "aws", "us-east-1", "123456789012", (), (one,), (), {})
    return Session(app, start_ms=START_MS)


@pytest.mark.parametrize("type_", ["STANDARD", "EXPRESS"])
def test_executions_are_counted_by_how_they_end(type_: str) -> None:
    one = machine(type_)
    inputs: list[Any] = [{"ok": True, "seconds": 7}, {"ok": False}, {"ok": True, "seconds": 90}]
    with session(one) as here:
        for given in inputs:
            here.start_execution(one, given)
        here.advance(120_000)
        counted = reported(here, StateMachineArn=ARN)
        assert counted == reported(here)
    assert counted == {
        "ExecutionsStarted": 3,
        "ExecutionsSucceeded": 1,
        "ExecutionsFailed": 1,
        "ExecutionsTimedOut": 1,
        "ExecutionTime": 67_000,
    }


def test_an_execution_that_is_stopped_is_aborted() -> None:
    one = machine()
    with session(one) as here:
        run = here.start_execution(one, {"ok": True, "seconds": 7})
        here.stop_execution(run.arn)
        assert reported(here, StateMachineArn=ARN)["ExecutionsAborted"] == 1


def test_a_version_has_metrics_of_its_own() -> None:
    one = machine(version_arn=f"{ARN}:4")
    with session(one) as here:
        here.run(here.start_execution(one, {"ok": True, "seconds": 1}))
        assert reported(here, StateMachineArn=ARN, Version="4") == {
            "ExecutionsStarted": 1,
            "ExecutionsSucceeded": 1,
            "ExecutionTime": 1_000,
        }


def test_an_alarm_may_watch_all_executions_of_the_account() -> None:
    one = machine()
    with session(one) as here:
        alarm = {
            "AlarmName": "Failing",
            "Namespace": "AWS/States",
            "MetricName": "ExecutionsFailed",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 2,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        here.aws.call("cloudwatch", "PutMetricAlarm", alarm)
        for _ in range(2):
            here.run(here.start_execution(one, {"ok": False}))
        here.advance(60_000)
        found = here.triggers.alarms.find("Failing")
        assert found is not None
        assert found.state.value == "ALARM"
