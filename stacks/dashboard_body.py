"""A dashboard in CloudWatch's own JSON, made here as one text: each of the CDK's widgets and
metrics is a call to Node.js, and a dashboard has a hundred of them.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.metrics import Expression, Metric

COLUMNS = 24
HEIGHT = 7
DEFAULT_PERIOD_SECONDS = 300

# One entry of a widget's `metrics`.
Line = list[object]

_REGION = cdk.Aws.REGION


@dataclass(frozen=True, slots=True)
class Widget:
    kind: str
    properties: Mapping[str, object]
    width: int
    height: int


def title(text: str) -> Widget:
    return Widget("text", {"markdown": f"## {text}"}, COLUMNS, 1)


def graph(name: str, lines: Sequence[Line], *, width: int = COLUMNS) -> Widget:
    properties = {**_shown("timeSeries", name), "metrics": lines, "yAxis": {}}
    return Widget("metric", properties, width, HEIGHT)


def numbers(
    name: str,
    lines: Sequence[Line],
    *,
    width: int = COLUMNS,
    height: int = HEIGHT,
    **more: object,
) -> Widget:
    """Of the whole range that is shown."""
    properties = {
        **_shown("singleValue", name),
        "metrics": lines,
        "setPeriodToTimeRange": True,
        **more,
    }
    return Widget("metric", properties, width, height)


def log_table(
    name: str, log_groups: Sequence[str], query: Sequence[str], *, width: int = COLUMNS
) -> Widget:
    """What a query finds in log groups."""
    sources = "".join(f"SOURCE '{group}' | " for group in log_groups)
    properties = {**_shown("table", name), "query": sources + "\n| ".join(query)}
    return Widget("log", properties, width, HEIGHT)


def _shown(view: str, name: str) -> dict[str, object]:
    return {"view": view, "title": name, "region": _REGION}


class Dashboard(Construct):
    """`rows` are widgets, from left to right. `start` is a duration: what is shown first."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dashboard_name: str,
        start: str,
        rows: Sequence[Sequence[Widget]],
    ) -> None:
        super().__init__(scope, construct_id)
        body = {"start": f"-{start}", "widgets": [*_placed(rows)]}
        cloudwatch.CfnDashboard(
            self,
            "Resource",
            dashboard_name=dashboard_name,
            dashboard_body=json.dumps(body, separators=(",", ":"), ensure_ascii=False),
        )


def line(
    metric: Metric,
    label: str | None = None,
    *,
    variable: str | None = None,
    period_seconds: int = DEFAULT_PERIOD_SECONDS,
    **more: Any,
) -> Line:
    """A metric; `variable` is what expressions call it."""
    options = {
        "label": label,
        "id": variable,
        **more,
        "period": None if period_seconds == DEFAULT_PERIOD_SECONDS else period_seconds,
        "stat": metric.statistic,
    }
    dimensions = [text for pair in metric.dimensions.items() for text in pair]
    said = {name: value for name, value in options.items() if value is not None}
    return [metric.namespace, metric.name, *dimensions, said]


def calculated(expression: Expression, **more: Any) -> list[Line]:
    """An expression, and the metrics in it that are not shown themselves."""
    variables = [
        line(metric, variable=name, visible=False) for name, metric in expression.metrics.items()
    ]
    return [[{"label": expression.label, "expression": expression.text, **more}], *variables]


def _placed(rows: Sequence[Sequence[Widget]]) -> Iterator[dict[str, object]]:
    """Each row below the one before; what does not fit into one begins another."""
    y = 0
    for row in rows:
        x = height = 0
        for widget in row:
            if x + widget.width > COLUMNS:
                x, y, height = 0, y + height, 0
            yield {
                "type": widget.kind,
                "width": widget.width,
                "height": widget.height,
                "x": x,
                "y": y,
                "properties": widget.properties,
            }
            x, height = x + widget.width, max(height, widget.height)
        y += height
