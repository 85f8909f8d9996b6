"""CloudWatch's operations on metrics, and how metrics are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.services.cloudwatch.api import CloudWatchApi
from sfnlocal.services.metrics import Metrics
from sfnlocal.template.resources import App

START_MS = 1_767_225_600_000
START = START_MS / 1000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
APP = App(Path(), "aws", "eu-west-1", "123456789012", (), (), (), {})


class World:
    def __init__(self) -> None:
        self.now_ms = START_MS
        self.metrics = Metrics(lambda: self.now_ms)
        self.api = CloudWatchApi(APP, self.metrics, lambda: self.now_ms, {})

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.api(operation, params)

    def put(self, **datum: Any) -> None:
        self.call("PutMetricData", Namespace="Shop", MetricData=[{"MetricName": "Sold", **datum}])

    def statistics(self, *names: str, **more: Any) -> list[dict[str, Any]]:
        asked = {
            "Namespace": "Shop",
            "MetricName": "Sold",
            "StartTime": START,
            "EndTime": START + 600,
            "Period": 60,
            "Statistics": list(names),
            **more,
        }
        points: list[dict[str, Any]] = self.call("GetMetricStatistics", **asked)["Datapoints"]
        return points

    def data(self, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
        window = {"StartTime": START, "EndTime": START + 600}
        return self.call("GetMetricData", MetricDataQueries=list(queries), **window, **more)


@pytest.fixture
def here() -> World:
    return World()


def sold(name: str = "m1", stat: str = "Sum", period: int = 60, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "Shop", "MetricName": "Sold"}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **more}


def test_values_are_gathered_by_the_minute(here: World) -> None:
    here.put(Value=1, Unit="Count")
    here.now_ms += 30_000
    here.put(Values=[2, 4], Counts=[1, 2], Unit="Count")
    here.now_ms += 30_000
    here.put(StatisticValues={"SampleCount": 3, "Sum": 9, "Minimum": 1, "Maximum": 5}, Unit="Count")
    first, second = here.statistics("Sum", "SampleCount", "Average", ExtendedStatistics=["p50"])
    assert first == {
        "Timestamp": START,
        "Unit": "Count",
        "Sum": 11,
        "SampleCount": 4,
        "Average": 2.75,
        "ExtendedStatistics": {"p50": 2},
    }
    assert second == {
        "Timestamp": START + 60,
        "Unit": "Count",
        "Sum": 9,
        "SampleCount": 3,
        "Average": 3,
    }


def test_a_period_begins_where_the_window_does(here: World) -> None:
    for minute in range(10):
        here.put(Value=minute, Timestamp=datetime.fromtimestamp(START + minute * 60, UTC))
    points = here.statistics("Maximum", Period=300, StartTime=START + 61, EndTime=START + 660)
    assert [(point["Timestamp"], point["Maximum"]) for point in points] == [
        (START + 60, 5),
        (START + 360, 9),
    ]


def test_high_resolution_shows_seconds(here: World) -> None:
    here.put(Value=1, StorageResolution=1)
    here.now_ms += 7_000
    here.put(Value=2, StorageResolution=1)
    points = here.statistics("Sum", Period=5)
    assert [(point["Timestamp"] - START, point["Sum"]) for point in points] == [(0, 1), (5, 2)]
    assert [point["Sum"] for point in here.statistics("Sum")] == [3]


def test_units_are_told_apart_where_they_are_asked(here: World) -> None:
    here.put(Value=1, Unit="Bytes")
    here.put(Value=2, Unit="Count")
    assert [point["Sum"] for point in here.statistics("Sum", Unit="Bytes")] == [1]
    assert len(here.statistics("Sum")) == 2
    assert here.data(sold())["MetricDataResults"][0]["Values"] == [3]


def test_metric_data_come_newest_first_unless_asked(here: World) -> None:
    here.put(Value=1)
    here.now_ms += MINUTE_MS
    here.put(Value=2)
    (result,) = here.data(sold(Label="sold"))["MetricDataResults"]
    assert result == {
        "Id": "m1",
        "Label": "sold",
        "Timestamps": [START + 60, START],
        "Values": [2, 1],
        "StatusCode": "Complete",
    }
    (oldest,) = here.data(sold(), ScanBy="TimestampAscending")["MetricDataResults"]
    assert (oldest["Values"], oldest["Label"]) == ([1, 2], "Sold")


def test_expressions_are_computed_from_the_request(here: World) -> None:
    here.put(Value=1)
    results = here.data(
        {"Id": "e1", "Expression": "m1 * 10", "Label": "ten times"},
        sold(ReturnData=False),
        {"Id": "e2", "Expression": "METRICS() + 1", "Label": "more"},
    )["MetricDataResults"]
    assert [(one["Id"], one["Label"], one["Values"]) for one in results] == [
        ("e1", "ten times", [10]),
        ("e2", "more Sold", [2]),
    ]


def test_metric_data_are_paged_by_data_points(here: World) -> None:
    for _ in range(4):
        here.put(Value=1)
        here.now_ms += MINUTE_MS
    page = here.data(sold(), sold("m2"), MaxDatapoints=3)
    assert [len(one["Values"]) for one in page["MetricDataResults"]] == [3]
    assert page["MetricDataResults"][0]["StatusCode"] == "PartialData"
    page = here.data(sold(), sold("m2"), MaxDatapoints=3, NextToken=page["NextToken"])
    assert [len(one["Values"]) for one in page["MetricDataResults"]] == [1, 2]


def test_metrics_are_listed_by_what_they_have(here: World) -> None:
    here.put(Value=1, Dimensions=[{"Name": "Shop", "Value": "Rome"}])
    here.put(Value=1, Dimensions=[{"Name": "Shop", "Value": "Oslo"}])
    here.metrics.metric("Shop", "Unheard", {})

    def listed(**asked: Any) -> list[Any]:
        return [one["Dimensions"] for one in here.call("ListMetrics", **asked)["Metrics"]]

    rome = [{"Name": "Shop", "Value": "Rome"}]
    assert len(listed()) == 2
    assert listed(Namespace="Shop", MetricName="Sold", Dimensions=rome) == [rome]
    assert len(listed(Dimensions=[{"Name": "Shop"}])) == 2
    assert listed(Namespace="Elsewhere") == listed(Dimensions=[{"Name": "Till"}]) == []
    here.now_ms += 4 * 3_600_000
    assert (len(listed()), listed(RecentlyActive="PT3H")) == (2, [])
    here.now_ms += 15 * DAY_MS
    assert listed() == []


def test_many_metrics_are_listed_in_pages(here: World) -> None:
    for number in range(501):
        here.metrics.add("Shop", f"Sold{number}", {}, 1)
    first = here.call("ListMetrics")
    second = here.call("ListMetrics", NextToken=first["NextToken"])
    assert (len(first["Metrics"]), len(second["Metrics"]), "NextToken" in second) == (500, 1, False)


@pytest.mark.parametrize(("days", "kept"), [(14, 5000), (20, 1000), (70, 84), (460, 0)])
def test_old_minutes_become_five_minutes_and_hours(here: World, days: int, kept: int) -> None:
    metric = here.metrics.metric("Shop", "Sold", {})
    for minute in range(5000):
        metric.add(1, "Count", START_MS + minute * MINUTE_MS)
    here.now_ms = START_MS + days * DAY_MS
    metric.add(1)
    assert len(list(metric.starts_ms(START_MS, here.now_ms))) == kept
    found = metric.distributions(START_MS, 5000 * MINUTE_MS, 1)
    assert [values.count for values in found.values()] == ([5000] if kept else [])


def test_a_gauge_is_sampled_each_minute_when_somebody_looks(here: World) -> None:
    metric = here.metrics.metric("AWS/SQS", "Age", {})
    metric.set(0, "Seconds", until_ms=START_MS + 10 * MINUTE_MS)
    here.now_ms += 2 * MINUTE_MS + 30_000
    metric.set(5, "Seconds")
    metric.set(9, "Seconds", per_second=1)
    here.now_ms += 2 * MINUTE_MS
    metric.set(0, "Seconds", until_ms=here.now_ms + MINUTE_MS)
    here.now_ms += 3 * MINUTE_MS
    found = metric.distributions(START_MS, MINUTE_MS, 10)
    samples = {minute: round(values.maximum) for minute, values in sorted(found.items())}
    assert samples == {0: 0, 1: 0, 2: 39, 3: 99, 4: 0}


def bad(**datum: Any) -> Callable[[World], object]:
    return lambda here: here.put(**datum)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (bad(), "MissingParameter"),
        (bad(Value=1, Values=[1]), "InvalidParameterCombination"),
        (bad(Values=[1, 2], Counts=[1]), "InvalidParameterValue"),
        (bad(Values=[1] * 151), "InvalidParameterValue"),
        (bad(Value=float("nan")), "InvalidParameterValue"),
        (bad(Value=1, StorageResolution=5), "InvalidParameterValue"),
        (bad(Value=1, Timestamp=START - 15 * 86_400), "InvalidParameterValue"),
        (bad(Value=1, Dimensions=[{}] * 31), "InvalidParameterValue"),
        (
            lambda here: here.call("PutMetricData", Namespace="AWS/SQS", MetricData=[{}]),
            "InvalidParameterValue",
        ),
        (
            lambda here: here.call("PutMetricData", Namespace="Shop", MetricData=[]),
            "MissingParameter",
        ),
        (
            lambda here: here.call("PutMetricData", Namespace="Shop", MetricData=[{}] * 1001),
            "InvalidParameterValue",
        ),
        (lambda here: here.statistics(), "InvalidParameterCombination"),
        (lambda here: here.statistics("Sum", EndTime=START), "ValidationError"),
        (lambda here: here.statistics("Sum", EndTime="soon"), "ValidationError"),
        (lambda here: here.statistics("Sum", Period=61), "ValidationError"),
        (
            lambda here: here.statistics("Sum", EndTime=START + 86_460),
            "InvalidParameterCombination",
        ),
        (lambda here: here.data(sold(), sold()), "ValidationError"),
        (lambda here: here.data(sold("Sold")), "ValidationError"),
        (lambda here: here.data({"Id": "m1"}), "ValidationError"),
        (lambda here: here.data(sold(), NextToken="next"), "InvalidNextToken"),
        (lambda here: here.data({"Id": "e1", "Expression": " " * 2049}), "ValidationError"),
        (lambda here: here.data(*[sold(f"m{one}") for one in range(501)]), "ValidationError"),
        (lambda here: here.call("GetDashboard", DashboardName="Sales"), "ResourceNotFound"),
        (
            lambda here: here.call("PutDashboard", DashboardName="Sales", DashboardBody="{"),
            "InvalidParameterInput",
        ),
    ],
)
def test_a_mistake_has_the_code_that_cloudwatch_gives_it(
    here: World, call: Callable[[World], object], code: str
) -> None:
    with pytest.raises(ApiError) as caught:
        call(here)
    assert caught.value.aws_code == code


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda here: here.call("PutAnomalyDetector"), "cloudwatch:PutAnomalyDetector"),
        (lambda here: here.call("ListMetrics", OwningAccount="1"), "with OwningAccount"),
        (lambda here: here.data(sold(AccountId="1")), "another account"),
        (lambda here: here.data({"Id": "q1", "Expression": "SELECT 1"}), "Metrics Insights"),
        (
            lambda here: here.data(
                sold(), sold("m2", period=300), {"Id": "e1", "Expression": "m1 + m2"}
            ),
            "another period",
        ),
        (
            lambda here: here.call("PutMetricData", Namespace="Shop", EntityMetricData=[]),
            "with EntityMetricData",
        ),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(
    here: World, call: Callable[[World], object], message: str
) -> None:
    with pytest.raises(UnsupportedError, match=message):
        call(here)


def test_dashboards_are_kept(here: World) -> None:
    body = json.dumps({"widgets": []})
    here.call("PutDashboard", DashboardName="Sales", DashboardBody=body)
    assert here.call("GetDashboard", DashboardName="Sales")["DashboardBody"] == body
    (entry,) = here.call("ListDashboards", DashboardNamePrefix="S")["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"]) == ("Sales", len(body))
    here.call("DeleteDashboards", DashboardNames=["Sales"])
    assert here.call("ListDashboards")["DashboardEntries"] == []
