"""Operations: what rings, and what each workflow's dashboard answers."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest

from sfnlocal.template import App
from stacks.prices import Prices

DAY_S = 86_400


def alarms(app: App) -> dict[tuple[str, str], dict[str, Any]]:
    """Each alarm's properties, by its dimension's value (the resource) and its construct id."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for alarm in app.resources:
        if alarm.type == "AWS::CloudWatch::Alarm":
            dimensions = alarm.properties.get("Dimensions") or [
                dimension
                for metric in alarm.properties["Metrics"]
                if "MetricStat" in metric
                for dimension in metric["MetricStat"]["Metric"]["Dimensions"]
            ]
            name = alarm.path.removesuffix("/Resource").rsplit("/", 1)[-1]
            found[(dimensions[0]["Value"], name)] = dict(alarm.properties)
    return found


def test_every_machine_rings_when_runs_fail_wait_or_take_too_long(deployed: App) -> None:
    """Express runs can neither be stopped nor throttled:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    found = alarms(deployed)
    for machine in deployed.state_machines:
        outcomes = {"Failed", "TimedOut"}
        if machine.type == "STANDARD":
            outcomes |= {"Aborted", "Throttled"}
        assert {name for arn, name in found if arn == machine.arn} == {*outcomes, "Slow"}
        for name in outcomes:
            assert found[(machine.arn, name)]["Threshold"] == 1, (machine.name, name)
        slow = found[(machine.arn, "Slow")]
        assert (slow["MetricName"], slow["ExtendedStatistic"]) == ("ExecutionTime", "p95")
        assert slow["Threshold"] < machine.definition["TimeoutSeconds"] * 1000, machine.name


def test_a_dead_letter_queue_rings_at_the_first_message_and_long_before_it_is_lost(
    deployed: App,
) -> None:
    found = alarms(deployed)
    queues = [
        r
        for r in deployed.resources
        if r.type == "AWS::SQS::Queue" and "RedrivePolicy" not in r.properties
    ]
    assert len(queues) >= 8
    for queue in queues:
        name = queue.arn.rsplit(":", 1)[1]
        assert found[(name, "NotEmpty")]["Threshold"] == 1, queue.path
        old = found[(name, "Old")]
        assert old["MetricName"] == "ApproximateAgeOfOldestMessage"
        assert old["Threshold"] <= queue.properties["MessageRetentionPeriod"] - 3 * DAY_S


def test_every_function_of_the_workflows_rings(deployed: App) -> None:
    found = alarms(deployed)
    functions = [f for f in deployed.functions if not f.handler.startswith("lambdas.sandbox.")]
    assert len(functions) >= 6
    for function in functions:
        names = {name for value, name in found if value == function.name}
        # What rings for its alias starts a heal (test_upgrades.py).
        names -= {name for name in names if name.endswith("Faulty")}
        assert names == {"Failing", "NearTimeOut", "Throttled", "Concurrent"}
        near = found[(function.name, "NearTimeOut")]
        assert near["Threshold"] == 800 * function.timeout_seconds


def test_no_alarm_rings_for_want_of_data(deployed: App) -> None:
    for alarm in alarms(deployed).values():
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]


def dashboard(app: App, stack: str) -> list[dict[str, Any]]:
    (found,) = [
        r
        for r in app.resources
        if r.type == "AWS::CloudWatch::Dashboard" and r.path.startswith(f"{stack}/")
    ]
    widgets: list[dict[str, Any]] = json.loads(found.properties["DashboardBody"])["widgets"]
    return widgets


def metrics(value: Any) -> set[str]:
    """Names of the metrics anywhere in a widget."""
    match value:
        case [str(namespace), str(name), *_] if namespace.startswith("AWS/"):
            return {name}
        case list():
            return {name for inner in value for name in metrics(inner)}
        case dict():
            return {name for inner in value.values() for name in metrics(inner)}
        case _:
            return set()


@pytest.mark.parametrize("stack", ["Orders", "Reports"])
def test_a_dashboard_answers_four_questions(deployed: App, stack: str) -> None:
    widgets = dashboard(deployed, stack)
    assert [w["properties"]["markdown"] for w in widgets if w["type"] == "text"] == [
        "## How many runs started, succeeded, failed, are running?",
        "## Where is the time spent?",
        "## What is in the dead letters?",
        "## What did it cost? USD, us-east-1, 2026-11-01",
    ]
    assert metrics(widgets) >= {
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsFailed",
        "ExecutionTime",
        "Duration",
        "Invocations",
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
    }
    queries = [w["properties"]["query"] for w in widgets if w["type"] == "log"]
    assert any("StateExited" in query for query in queries)
    assert any("details.error" in query for query in queries)
    assert any("* 0.000025000 as cost" in query for query in queries)


def test_the_orders_front_shows_what_callers_hear_and_what_waits(deployed: App) -> None:
    widgets = {
        one["properties"].get("title", ""): one["properties"]
        for one in dashboard(deployed, "OrderFront")
    }
    asked = [metric[1] for metric in widgets["Requests"]["metrics"]]
    assert asked == ["Count", "4xx", "5xx"]
    waiting = [metric[3] for metric in widgets["To be started"]["metrics"]]
    assert waiting == [
        one.arn.rsplit(":", 1)[1]
        for id in ("OrderBufferQueue", "OrderBufferQueueDeadLetters")
        for one in deployed.of_type("AWS::SQS::Queue")
        if one.path.split("/")[1] == id
    ]


@pytest.mark.parametrize(
    ("stack", "ids"), [("Orders", ["Order", "Fulfilment"]), ("Reports", ["Report", "DailyReports"])]
)
def test_a_dashboard_reads_the_logs_of_its_machines(
    deployed: App, stack: str, ids: list[str]
) -> None:
    groups = {r.path: r.name for r in deployed.resources if r.type == "AWS::Logs::LogGroup"}
    for widget in dashboard(deployed, stack):
        if widget["type"] == "log":
            query = widget["properties"]["query"]
            read = {name for name in groups.values() if f"'{name}'" in query}
            assert read
            assert read <= {groups[f"{stack}/{machine}/Logs"] for machine in ids}


def test_prices_may_come_from_the_context() -> None:
    node = cdk.App(context={"prices": {"standardTransition": 0.00003, "region": "eu-west-1"}}).node
    prices = Prices.from_context(node)
    assert (prices.standard_transition, prices.region) == (0.00003, "eu-west-1")
    assert prices.lambda_request == Prices.from_context(cdk.App().node).lambda_request
    text = cdk.App(context={"prices": '{"currency": "EUR"}'}).node
    assert Prices.from_context(text).currency == "EUR"
