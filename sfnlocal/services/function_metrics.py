"""What Lambda reports of a function's calls to CloudWatch, and the metrics that its handler writes
into its log.

A call counts for the function, and for the version or alias that it was made through: an alias's
metrics also have the version that ran. As long as no alarm watches anything, calls are only noted:
most runs end without anybody having asked for a metric.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from sfnlocal.services.embedded_metrics import add_embedded_metrics
from sfnlocal.services.metrics import Metric, Metrics

_NAMESPACE = "AWS/Lambda"
_NOTED_MAX = 1_000


class _Called(NamedTuple):
    names: tuple[str, str, str]
    failed: bool
    elapsed_ms: int
    concurrent: int
    log: str
    now_ms: int


class FunctionMetrics:
    """`qualifier` is the version or alias that a call named, `version` the one that ran. `flush`
    before somebody looks at metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._noted: list[_Called] = []
        self._kept: dict[tuple[str, str, str, str], tuple[Metric, ...]] = {}

    def called(
        self,
        function: str,
        qualifier: str,
        version: str,
        *,
        failed: bool,
        elapsed_ms: int,
        concurrent: int,
        log: str,
        now_ms: int,
    ) -> None:
        """A call that began at `now_ms` has ended; `concurrent` calls were running, with it."""
        names = function, qualifier, version
        with self._lock:
            self._noted.append(_Called(names, failed, elapsed_ms, concurrent, log, now_ms))
        if self._metrics.watched or len(self._noted) > _NOTED_MAX:
            self.flush()

    def flush(self) -> None:
        """Count the calls that were noted."""
        with self._lock:
            noted, self._noted = self._noted, []
        for call in noted:
            self._count(call)

    def _count(self, call: _Called) -> None:
        for name, value, unit in (
            ("Invocations", 1, "Count"),
            ("Errors", int(call.failed), "Count"),
            ("Throttles", 0, "Count"),
            ("Duration", call.elapsed_ms, "Milliseconds"),
            ("ConcurrentExecutions", call.concurrent, "Count"),
        ):
            for metric in self._of(name, *call.names):
                metric.add(value, unit, call.now_ms)
        add_embedded_metrics(call.log, self._metrics, call.now_ms + call.elapsed_ms)

    def throttled(self, function: str, qualifier: str, version: str, now_ms: int) -> None:
        for metric in self._of("Throttles", function, qualifier, version):
            metric.add(1, "Count", now_ms)

    def _of(self, name: str, function: str, qualifier: str, version: str) -> tuple[Metric, ...]:
        key = (name, function, qualifier, version)
        metrics = self._kept.get(key)
        if metrics is None:
            dimensions = [{"FunctionName": function}]
            if qualifier:
                resource = {**dimensions[0], "Resource": f"{function}:{qualifier}"}
                dimensions.append(resource)
                if qualifier != version:
                    dimensions.append({**resource, "ExecutedVersion": version})
            metrics = self._kept[key] = tuple(
                self._metrics.metric(_NAMESPACE, name, one) for one in dimensions
            )
        return metrics
