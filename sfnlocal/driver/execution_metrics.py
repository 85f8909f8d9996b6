"""What Step Functions reports of executions to CloudWatch: how many began and how they ended, and
how long they took; for the account, each state machine, and each version and alias.

The executions that a Map Run starts are not among them.
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.interpreter import Execution
from sfnlocal.services.metrics import Metric, Metrics

_NAMESPACE = "AWS/States"
_ENDED = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


class ExecutionMetrics:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        # By what was started, its version or alias, and the metric's name.
        self._kept: dict[tuple[str, str, str], tuple[Metric, ...]] = {}

    def started(self, execution: Execution, now_ms: int) -> None:
        if not execution.map_run_arn:
            for metric in self._of(execution, "ExecutionsStarted"):
                metric.add(1, "Count", now_ms)

    def redriven(self, execution: Execution, now_ms: int) -> None:
        if not execution.map_run_arn:
            for metric in self._of(execution, "ExecutionsRedriven"):
                metric.add(1, "Count", now_ms)

    def ended(self, execution: Execution, now_ms: int) -> None:
        if not execution.map_run_arn:
            for metric in self._of(execution, _ENDED[execution.status]):
                metric.add(1, "Count", now_ms)
            if execution.redrive_count:
                for metric in self._of(execution, f"Redriven{_ENDED[execution.status]}"):
                    metric.add(1, "Count", now_ms)
            for metric in self._of(execution, "ExecutionTime"):
                metric.add(now_ms - execution.start_ms, "Milliseconds", now_ms)

    def _of(self, execution: Execution, name: str) -> tuple[Metric, ...]:
        by = execution.alias_arn or execution.version_arn
        key = (execution.state_machine_arn, by, name)
        metrics = self._kept.get(key)
        if metrics is None:
            dimensions: list[Mapping[str, str]] = [{}, {"StateMachineArn": key[0]}]
            if by:
                kind = "Alias" if execution.alias_arn else "Version"
                dimensions.append({**dimensions[1], kind: by.rpartition(":")[2]})
            metrics = self._kept[key] = tuple(
                self._metrics.metric(_NAMESPACE, name, one) for one in dimensions
            )
        return metrics
