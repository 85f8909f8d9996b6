"""What Lambda reports of a function's calls to CloudWatch, and the metrics that its handler writes
into its log.

A call counts for the function, and for the version or alias that it was made through: an alias's
metrics also have the version that ran.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
"""

from __future__ import annotations

from sfnlocal.services.embedded_metrics import add_embedded_metrics
from sfnlocal.services.metrics import Metric, Metrics

_NAMESPACE = "AWS/Lambda"


class FunctionMetrics:
    """`qualifier` is the version or alias that a call named, `version` the one that ran."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
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
        for metric in self._of("Invocations", function, qualifier, version):
            metric.add(1, "Count", now_ms)
        for metric in self._of("Errors", function, qualifier, version):
            metric.add(int(failed), "Count", now_ms)
        for metric in self._of("Throttles", function, qualifier, version):
            metric.add(0, "Count", now_ms)
        for metric in self._of("Duration", function, qualifier, version):
            metric.add(elapsed_ms, "Milliseconds", now_ms)
        for metric in self._of("ConcurrentExecutions", function, qualifier, version):
            metric.add(concurrent, "Count", now_ms)
        add_embedded_metrics(log, self._metrics, now_ms + elapsed_ms)

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
