"""What functions report to CloudWatch: Lambda's own metrics, and those in their log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.services.embedded_metrics import add_embedded_metrics
from sfnlocal.services.function_metrics import FunctionMetrics
from sfnlocal.services.metrics import Metrics, metric_id

from .conftest import Functions, make_app

NOW_MS = 1_767_225_600_000
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
DOCUMENTED: dict[str, Any] = {
    "_aws": {
        "Timestamp": NOW_MS + 5,
        "CloudWatchMetrics": [
            {
                "Namespace": "lambda-function-metrics",
                "Dimensions": [["functionVersion"]],
                "Metrics": [{"Name": "time", "Unit": "Milliseconds"}],
            }
        ],
    },
    "functionVersion": "$LATEST",
    "time": 100,
    "requestId": "989ffbf8-9ace-4817-a57c-e4dd734019ee",
}


def summed(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Of each metric: its name and its dimensions' values."""
    return {
        (metric.id.name, tuple(value for _, value in metric.id.dimensions)): found[0].sum
        for metric in metrics
        if (found := metric.distributions(NOW_MS, 3_600_000, 1))
    }


def embedded(*lines: str) -> dict[tuple[str, tuple[str, ...]], float]:
    metrics = Metrics(lambda: NOW_MS)
    add_embedded_metrics("\n".join(lines), metrics, NOW_MS)
    return summed(metrics)


def changed(**directive: Any) -> str:
    given = DOCUMENTED["_aws"]["CloudWatchMetrics"][0]
    metadata = {"Timestamp": NOW_MS, "CloudWatchMetrics": [{**given, **directive}]}
    return json.dumps({**DOCUMENTED, "_aws": metadata})


def test_a_call_counts_for_its_function() -> None:
    metrics = Metrics(lambda: NOW_MS)
    calls = FunctionMetrics(metrics)
    for failed in (True, False, False):
        calls.called(
            "Pay", "", "3", failed=failed, elapsed_ms=40, concurrent=2, log="", now_ms=NOW_MS
        )
    calls.throttled("Pay", "", "3", NOW_MS)
    calls.flush()
    assert summed(metrics) == {
        ("Invocations", ("Pay",)): 3,
        ("Errors", ("Pay",)): 1,
        ("Throttles", ("Pay",)): 1,
        ("Duration", ("Pay",)): 120,
        ("ConcurrentExecutions", ("Pay",)): 6,
    }


def test_calls_are_counted_when_somebody_asks_for_metrics(functions: Functions) -> None:
    functions.add("f", "def handler(event, context): ...")
    with Session(make_app(functions=tuple(functions.made)), start_ms=NOW_MS) as here:
        here.aws.functions.invoke("f", {}, now_ms=NOW_MS)
        listed = here.aws.call("cloudwatch", "ListMetrics", {"Namespace": "AWS/Lambda"})
    assert {one["MetricName"] for one in listed["Metrics"]} == {
        "Invocations",
        "Errors",
        "Throttles",
        "Duration",
        "ConcurrentExecutions",
    }


def test_what_an_alarm_watches_is_counted_at_once() -> None:
    metrics, told = Metrics(lambda: NOW_MS), list[int]()
    calls = FunctionMetrics(metrics)

    def call(at_ms: int) -> None:
        calls.called("Pay", "", "3", failed=True, elapsed_ms=0, concurrent=1, log="", now_ms=at_ms)

    call(NOW_MS)
    errors = metric_id("AWS/Lambda", "Errors", {"FunctionName": "Pay"})
    metrics.watch(errors, told.append)
    call(NOW_MS + 1)
    assert told == [NOW_MS, NOW_MS + 1]


def test_only_so_many_calls_wait_to_be_counted() -> None:
    metrics = Metrics(lambda: NOW_MS)
    calls = FunctionMetrics(metrics)
    for _ in range(1_001):
        calls.called(
            "Pay", "", "3", failed=False, elapsed_ms=0, concurrent=1, log="", now_ms=NOW_MS
        )
    assert summed(metrics)["Invocations", ("Pay",)] == 1_001


def test_a_call_through_an_alias_counts_for_it_and_for_the_version_that_ran() -> None:
    metrics = Metrics(lambda: NOW_MS)
    calls = FunctionMetrics(metrics)
    calls.throttled("Pay", "live", "7", NOW_MS)
    calls.throttled("Pay", "7", "7", NOW_MS)
    assert [metric.id.dimensions for metric in metrics] == [
        (("FunctionName", "Pay"),),
        (("FunctionName", "Pay"), ("Resource", "Pay:live")),
        (("ExecutedVersion", "7"), ("FunctionName", "Pay"), ("Resource", "Pay:live")),
        (("FunctionName", "Pay"), ("Resource", "Pay:7")),
    ]


def test_the_documented_example_is_a_metric() -> None:
    metrics = Metrics(lambda: NOW_MS)
    add_embedded_metrics(f"starting\n{json.dumps(DOCUMENTED)}\ndone", metrics, NOW_MS)
    (metric,) = metrics
    assert metric.id.namespace == "lambda-function-metrics"
    assert metric.id.dimensions == (("functionVersion", "$LATEST"),)
    assert (metric.last_ms, metric.units()) == (NOW_MS + 5, ["Milliseconds"])


def test_lambda_may_put_words_before_the_document() -> None:
    line = f"2026-01-01T00:00:00.000Z 989ffbf8 INFO {json.dumps(DOCUMENTED)}"
    assert embedded(line) == {("time", ("$LATEST",)): 100}


def test_a_target_may_be_a_list_and_have_several_sets_of_dimensions() -> None:
    line = json.loads(changed(Dimensions=[[], ["functionVersion"]]))
    assert embedded(json.dumps({**line, "time": [1, 2.5]})) == {
        ("time", ()): 3.5,
        ("time", ("$LATEST",)): 3.5,
    }


def test_powertools_prints_metrics() -> None:
    from aws_lambda_powertools import Metrics as Powertools
    from aws_lambda_powertools.metrics import MetricUnit

    printed = Powertools(namespace="Shop", service="orders")
    printed.add_metric(name="Sold", unit=MetricUnit.Count, value=2)
    printed.add_metric(name="Sold", unit=MetricUnit.Count, value=3)
    document = json.loads(json.dumps(printed.serialize_metric_set()))
    document["_aws"] = {**document["_aws"], "Timestamp": NOW_MS}
    printed.clear_metrics()
    assert embedded(json.dumps(document)) == {("Sold", ("orders",)): 5}


@pytest.mark.parametrize(
    "line",
    [
        'about "_aws"',
        '{"_aws"',
        '{"_aws": 1}',
        '{"_aws": {"CloudWatchMetrics": {}}}',
        '{"_aws": {"CloudWatchMetrics": [1]}}',
        changed(Dimensions=[["missing"]]),
        changed(Dimensions=[["functionVersion"] * 31]),
        changed(Metrics=[{"Name": "requestId"}]),
        changed(Metrics=[{"Name": "missing"}]),
        changed(Metrics=[{"Unit": "Count"}]),
    ],
)
def test_what_is_not_in_the_format_is_passed_over(line: str) -> None:
    assert embedded(line) == {}
