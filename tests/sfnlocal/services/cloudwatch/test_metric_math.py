"""Metric math and statistics, as data from AWS's documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import UnsupportedError
from sfnlocal.services.cloudwatch.math_values import MathError, Scope, Series
from sfnlocal.services.cloudwatch.metric_math import Expression
from sfnlocal.services.statistics import Distribution, statistic

FOLDER = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((FOLDER / "metric_math.json").read_text())["cases"]
STATISTICS: list[dict[str, Any]] = json.loads((FOLDER / "statistics.json").read_text())["cases"]
START_MS = 1_767_225_600_000


def evaluate(text: str, series: dict[str, list[float | None]]) -> Any:
    given = {
        name: Series([None if one is None else float(one) for one in points], name)
        for name, points in series.items()
    }
    count = max((len(points) for points in series.values()), default=1)
    scope = Scope(START_MS, 60_000, count, lambda name: given[name], lambda: given)
    return Expression(text).evaluate(scope)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["expression"])
def test_an_expression_gives_the_documented_values(case: dict[str, Any]) -> None:
    assert evaluate(case["expression"], case["series"]).points == case["result"]


@pytest.mark.parametrize("case", STATISTICS, ids=lambda case: case["statistic"])
def test_a_statistic_is_computed_as_documented(case: dict[str, Any]) -> None:
    values = Distribution()
    for value in range(1, 11):
        values.add(value)
    compute = statistic(case["statistic"])
    assert compute is not None
    assert compute(values) == pytest.approx(case["result"])


@pytest.mark.parametrize("name", ["Median", "p101", "p", "tm", "PR(1%:2%)", "TM(:)", "TM(5)"])
def test_what_is_no_statistic_is_none(name: str) -> None:
    assert statistic(name) is None


def test_a_statistic_set_has_no_percentiles() -> None:
    values = Distribution.of_set(4, 20, 1, 9)
    values.merge(Distribution.of_set(2, 6, 3, 3))
    computed = [
        compute(values)
        for name in ("SampleCount", "Average", "p50", "tm90", "TC(1:2)", "PR(:2)", "wm50")
        if (compute := statistic(name))
    ]
    assert computed == [6, 26 / 6, None, None, None, None, None]


def test_many_different_values_are_kept_to_three_digits() -> None:
    values = Distribution()
    for value in range(20_000):
        values.add(value)
    median = statistic("p50")
    assert median is not None
    assert values.values is not None
    assert len(values.values) < 3_000
    assert median(values) == pytest.approx(10_000, rel=0.01)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it ends where a value is missing"),
        ("m1 m2", "unexpected 'm2'"),
        ("m1 ; 2", "unexpected ';'"),
        ("(m1", r"'\)' is missing"),
        ("Errors * 2", "'Errors' is no identifier"),
        ("IF(m1)", "IF does not take 1 arguments"),
        ("NOPE(m1)", "unknown function 'NOPE'"),
        ("m1 + 'a'", "a text is no operand"),
        ("1 / 0", "divided by zero"),
        ("[m1, m1] + [m1]", "different lengths"),
        ("SORT(m1, AVG, DESC)", "an array of time series is needed"),
        ("SORT([m1], p50, DESC)", "SORT takes an array"),
        ("RATE(5)", "a time series is needed"),
        ("SLICE([m1], m1)", "a number is needed"),
        ("METRICS(1)", "METRICS takes a text"),
        ("[[m1], 'a']", "an array may hold time series only"),
    ],
)
def test_a_mistake_is_told(text: str, why: str) -> None:
    with pytest.raises(MathError, match=why):
        evaluate(text, {"m1": [1], "m2": [2], "p50": [3]})


def test_a_function_that_only_aws_can_compute_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="ANOMALY_DETECTION_BAND in metric math"):
        Expression("ANOMALY_DETECTION_BAND(m1, 2)")
