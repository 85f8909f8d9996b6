"""Dashboards and alarms are written in CloudWatch's own words; what the CDK's constructs would see
to is held here.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sfnlocal.template import App

COLUMNS = 24


def dashboards(app: App) -> Iterator[list[dict[str, Any]]]:
    for resource in app.of_type("AWS::CloudWatch::Dashboard"):
        yield json.loads(resource.properties["DashboardBody"])["widgets"]


def entries(widget: dict[str, Any]) -> list[tuple[list[Any], dict[str, Any]]]:
    """What each line of a widget measures, and how it is shown."""
    return [(line[:-1], line[-1]) for line in widget["properties"].get("metrics", [])]


def test_every_graph_shows_something(deployed: App) -> None:
    for widgets in dashboards(deployed):
        for widget in widgets:
            if widget["type"] == "metric":
                assert entries(widget), widget["properties"]["title"]


def test_widgets_stand_side_by_side_within_the_dashboard(deployed: App) -> None:
    for widgets in dashboards(deployed):
        places = [(one["x"], one["y"], one["width"], one["height"]) for one in widgets]
        assert all(x + width <= COLUMNS for x, _, width, _ in places)
        taken = [
            {(x + right, y + down) for right in range(width) for down in range(height)}
            for x, y, width, height in places
        ]
        for one, other in itertools.combinations(taken, 2):
            assert not one & other


def test_an_expression_knows_its_variables(deployed: App) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""
    calculated = 0
    for widgets in dashboards(deployed):
        for widget in widgets:
            shown = [options for _, options in entries(widget)]
            known = [options["id"] for options in shown if "id" in options]
            assert len(known) == len(set(known))
            for expression in (
                options["expression"] for options in shown if "expression" in options
            ):
                calculated += 1
                assert set(re.findall(r"\b[a-z]\w*", expression)) <= set(known)
    assert calculated > len(list(dashboards(deployed)))


@pytest.mark.parametrize(
    ("alarm", "words", "milliseconds"),
    [
        ("Orders/Order/Order/Slow", "330 days", 330 * 86_400_000),
        ("Orders/Recorder/Recorder/Slow", "4 minutes", 240_000),
        (
            "FaultExperiments/FaultExperiment/FaultExperiment/Slow",
            "1 hour 30 minutes",
            90 * 60_000,
        ),
    ],
)
def test_an_alarm_says_how_long_is_too_long(
    deployed: App, alarm: str, words: str, milliseconds: int
) -> None:
    (found,) = [
        one.properties
        for one in deployed.of_type("AWS::CloudWatch::Alarm")
        if one.path.removesuffix("/Resource") == alarm
    ]
    assert found["AlarmDescription"].endswith(f"takes more than {words}")
    assert (found["Threshold"], found["ExtendedStatistic"]) == (milliseconds, "p95")
