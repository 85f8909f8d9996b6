"""What Task states report to CloudWatch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Resource, StateMachine
from sfnlocal.testing import Failure, Success

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:Order"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:Pay"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:Pack"
QUEUE = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
START_MS = 1_767_225_600_000
ALARM: dict[str, Any] = {
    "AlarmName": "Failing",
    "Namespace": "AWS/States",
    "MetricName": "LambdaFunctionsFailed",
    "Dimensions": [{"Name": "LambdaFunctionArn", "Value": FUNCTION}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


def session(resource: str, *, keep_ended: int | None = None, **fields: Json) -> Session:
    definition = {
        "StartAt": "Task",
        "States": {"Task": {"Type": "Task", "Resource": resource, **fields, "End": True}},
    }
    where = Resource("stack", "Order", "AWS::StepFunctions::StateMachine", "", ARN, ARN, {}, "")
    machine = StateMachine(where, "Order", ARN, "STANDARD", "", definition)
    pack = Resource("stack", "Pack", "AWS::StepFunctions::Activity", "", ACTIVITY, ACTIVITY, {}, "")
    app = App(Path(), "aws", "us-east-1", "123456789012", (where, pack), (machine,), (), {})
    return Session(app, start_ms=START_MS, keep_ended=keep_ended)


def reported(here: Session, dimension: str, value: str) -> dict[str, float]:
    listed = here.aws.call(
        "cloudwatch", "ListMetrics", {"Dimensions": [{"Name": dimension, "Value": value}]}
    )
    totals = {}
    for one in listed["Metrics"]:
        metric = here.aws.metrics.metric("AWS/States", one["MetricName"], {dimension: value})
        totals[one["MetricName"]] = metric.distributions(START_MS, 3_600_000, 1)[0].sum
    return totals


def test_functions_that_a_state_names_are_counted() -> None:
    with session(FUNCTION, Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 1}]) as here:
        here.mock("Order", "Task", [Failure("Busy", elapsed_ms=200), Success({}, elapsed_ms=300)])
        here.run(here.start_execution("Order", {}))
        assert reported(here, "LambdaFunctionArn", FUNCTION) == {
            "LambdaFunctionsScheduled": 2,
            "LambdaFunctionsStarted": 2,
            "LambdaFunctionScheduleTime": 0,
            "LambdaFunctionsFailed": 1,
            "LambdaFunctionsSucceeded": 1,
            "LambdaFunctionTime": 500,
            "LambdaFunctionRunTime": 500,
        }


def test_a_service_that_does_not_answer_in_time_is_counted() -> None:
    arguments = {"QueueUrl": "x", "MessageBody.$": "$$.Task.Token"}
    with session(QUEUE, Parameters=arguments, TimeoutSeconds=30) as here:
        here.aws.route("sqs", lambda operation, params: {"MessageId": "1"})
        here.run(here.start_execution("Order", {}))
        counted = reported(here, "ServiceIntegrationResourceArn", QUEUE)
        assert counted["ServiceIntegrationsTimedOut"] == 1
        assert counted["ServiceIntegrationTime"] == 30_000


def test_an_activity_starts_when_a_worker_takes_it() -> None:
    with session(ACTIVITY, HeartbeatSeconds=60) as here:
        here.activities.attended = True
        here.run(here.start_execution("Order", {}))
        counted = reported(here, "ActivityArn", ACTIVITY)
    assert counted == {
        "ActivitiesScheduled": 1,
        "ActivitiesTimedOut": 1,
        "ActivityTime": 60_000,
    }


def test_histories_are_read_before_they_are_let_go() -> None:
    with session(FUNCTION, keep_ended=1) as here:
        here.mock("Order", "Task", [Success({})])
        here.run(here.start_execution("Order", {}))
        here.run(here.start_execution("Order", {}))
        assert len(here.executions) == 1
        assert reported(here, "LambdaFunctionArn", FUNCTION)["LambdaFunctionsSucceeded"] == 2


def test_an_alarm_hears_of_a_failure_while_its_execution_goes_on() -> None:
    with session(FUNCTION, Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 900}]) as here:
        here.aws.call("cloudwatch", "PutMetricAlarm", ALARM)
        here.mock("Order", "Task", [Failure("Busy"), Success({})])
        here.start_execution("Order", {})
        here.advance(60_000)
        alarm = here.triggers.alarms.find("Failing")
        assert alarm is not None
        assert alarm.state.value == "ALARM"
