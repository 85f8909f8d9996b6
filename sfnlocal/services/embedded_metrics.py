"""Metrics that handlers write into their log: the embedded metric format (EMF), as Powertools
Metrics prints it. CloudWatch Logs makes metrics of each log line that is such a document.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sfnlocal.ports import Json
from sfnlocal.services.metrics import Metrics

_MARK = '"_aws"'
_METRICS_MAX = 100
_VALUES_MAX = 100
_DIMENSIONS_MAX = 30


class EmbeddedValue(NamedTuple):
    namespace: str
    name: str
    dimensions: Mapping[str, str]
    values: list[float]
    unit: str
    at_ms: int | None
    high_resolution: bool


def add_embedded_metrics(log: str, metrics: Metrics, now_ms: int) -> None:
    """The metrics in what a call has printed. Like CloudWatch, it passes over what is not in the
    format."""
    if _MARK not in log:
        return
    for line in log.splitlines():
        if _MARK in line:
            for found in embedded_values(line):
                metric = metrics.metric(found.namespace, found.name, found.dimensions)
                at_ms = now_ms if found.at_ms is None else found.at_ms
                for value in found.values:
                    metric.add(value, found.unit, at_ms, high_resolution=found.high_resolution)


def embedded_values(line: str) -> Iterator[EmbeddedValue]:
    """Lambda may put its own words before the document."""
    start = line.find("{")
    try:
        root = json.loads(line[start:])
    except ValueError:
        return
    metadata = root.get("_aws")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("CloudWatchMetrics"), list):
        return
    for directive in metadata["CloudWatchMetrics"]:
        yield from _directive(root, directive, metadata.get("Timestamp"))


def _directive(root: Mapping[str, Json], directive: Json, at_ms: Json) -> Iterator[EmbeddedValue]:
    try:
        namespace = str(directive["Namespace"])
        sets = [_dimensions(root, names) for names in directive["Dimensions"]]
        definitions = directive["Metrics"][:_METRICS_MAX]
        named = [(one["Name"], one) for one in definitions]
    except (KeyError, TypeError):
        return
    for name, definition in named:
        values = _values(root.get(name))
        for dimensions in sets:
            if values and dimensions is not None:
                yield EmbeddedValue(
                    namespace,
                    name,
                    dimensions,
                    values,
                    definition.get("Unit", "None"),
                    at_ms if isinstance(at_ms, int) else None,
                    definition.get("StorageResolution") == 1,
                )


def _dimensions(root: Mapping[str, Json], names: list[str]) -> dict[str, str] | None:
    """None where the document lacks one of them."""
    if len(names) > _DIMENSIONS_MAX or any(name not in root for name in names):
        return None
    return {name: str(root[name]) for name in names}


def _values(target: Json) -> list[float]:
    values = target if isinstance(target, list) else [target]
    numbers = [
        value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return numbers if len(numbers) == len(values) <= _VALUES_MAX else []
