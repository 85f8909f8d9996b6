"""What Step Functions reports of executions to CloudWatch: how many began and how they ended, and
how long they took; for the account, each state machine, and each version and alias.

The executions that a Map Run starts are not among them.
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.interpreter import Execution
from sfnlocal.services.metrics import MINUTE_MS, Metric, Metrics

_NAMESPACE = "AWS/States"
_COUNTS_MAX = 1_000
_ENDED = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


class ExecutionMetrics:
    """The account's own metrics are counted, and made when somebody looks (`flush`): executions
    shall not be slower for what nearly nobody asks for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        # By what was started, its version or alias, and the metric's name.
        self._kept: dict[tuple[str, str, str], tuple[Metric, ...]] = {}
        # Of the account: name, unit, value and minute.
        self._counts: dict[tuple[str, str, int, int], int] = {}

    def started(self, execution: Execution, now_ms: int) -> None:
        if not execution.map_run_arn:
            self._add(execution, "ExecutionsStarted", 1, "Count", now_ms)

    def redriven(self, execution: Execution, now_ms: int) -> None:
        if not execution.map_run_arn:
            self._add(execution, "ExecutionsRedriven", 1, "Count", now_ms)

    def ended(self, execution: Execution, now_ms: int) -> None:
        if not execution.map_run_arn:
            name = _ENDED[execution.status]
            self._add(execution, name, 1, "Count", now_ms)
            if execution.redrive_count:
                self._add(execution, f"Redriven{name}", 1, "Count", now_ms)
            took_ms = now_ms - execution.start_ms
            self._add(execution, "ExecutionTime", took_ms, "Milliseconds", now_ms)

    def flush(self) -> None:
        counts, self._counts = self._counts, {}
        for (name, unit, value, minute), count in counts.items():
            metric = self._metrics.metric(_NAMESPACE, name, {})
            metric.add(value, unit, minute * MINUTE_MS, count=count)

    def _add(self, execution: Execution, name: str, value: int, unit: str, now_ms: int) -> None:
        for metric in self._of(execution, name):
            metric.add(value, unit, now_ms)
        key = (name, unit, value, now_ms // MINUTE_MS)
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._counts) > _COUNTS_MAX or (_NAMESPACE, name) in self._metrics.watched_bare:
            self.flush()

    def _of(self, execution: Execution, name: str) -> tuple[Metric, ...]:
        by = execution.alias_arn or execution.version_arn
        key = (execution.state_machine_arn, by, name)
        metrics = self._kept.get(key)
        if metrics is None:
            dimensions: list[Mapping[str, str]] = [{"StateMachineArn": key[0]}]
            if by:
                kind = "Alias" if execution.alias_arn else "Version"
                dimensions.append({**dimensions[0], kind: by.rpartition(":")[2]})
            metrics = self._kept[key] = tuple(
                self._metrics.metric(_NAMESPACE, name, one) for one in dimensions
            )
        return metrics
