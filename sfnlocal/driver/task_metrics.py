"""What Step Functions reports of Task states to CloudWatch: of functions that a state names
directly, of service integrations, and of activities.

Strategy: nothing is counted while executions run. Their histories say it all, and are read when
somebody looks, when an alarm watches, or before a history is let go; those of a session that keeps
none are not.
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sfnlocal.history import Event
from sfnlocal.interpreter import Execution
from sfnlocal.services.metrics import Metrics

_NAMESPACE = "AWS/States"


class _Kind(NamedTuple):
    """How its metrics are named: `LambdaFunctionsFailed`, `LambdaFunctionTime`."""

    plural: str
    singular: str
    dimension: str


_FUNCTION = _Kind("LambdaFunctions", "LambdaFunction", "LambdaFunctionArn")
_ACTIVITY = _Kind("Activities", "Activity", "ActivityArn")
_SERVICE = _Kind("ServiceIntegrations", "ServiceIntegration", "ServiceIntegrationResourceArn")
_STEPS = ("Scheduled", "Started", "Succeeded", "Failed", "TimedOut")
_EVENTS: dict[str, tuple[_Kind, str]] = {
    f"{prefix}{step}": (kind, step)
    for prefix, kind in (("LambdaFunction", _FUNCTION), ("Activity", _ACTIVITY), ("Task", _SERVICE))
    for step in _STEPS
}
_PREFIXES = (_FUNCTION.singular, _SERVICE.singular, "Activit")


class TaskMetrics:
    def __init__(self, metrics: Metrics, partition: str) -> None:
        self._metrics = metrics
        self._partition = partition
        # How many events have been read.
        self._read: dict[str, int] = {}
        self._watched, self._names_watched = False, 0

    @property
    def watched(self) -> bool:
        """Does an alarm watch one of these metrics?"""
        names = self._metrics.watched
        if len(names) != self._names_watched:
            self._names_watched = len(names)
            self._watched = any(
                namespace == _NAMESPACE and name.startswith(_PREFIXES) for namespace, name in names
            )
        return self._watched

    def read_all(self, executions: Iterable[Execution]) -> None:
        for execution in executions:
            self.read(execution)

    def read(self, execution: Execution) -> None:
        """What is new in its history."""
        history, start = execution.history, self._read.get(execution.arn, 0)
        if execution.map_run_arn or start == len(history):
            return
        self._read[execution.arn] = len(history)
        for event in history[start:]:
            known = _EVENTS.get(event[0])
            if known is not None:
                self._count(history, event, *known)

    def forget(self, execution: Execution, *, read: bool) -> None:
        """Its history goes; `read` says whether it is worth the time."""
        if read:
            self.read(execution)
        self._read.pop(execution.arn, None)

    def _count(self, history: list[Event], event: Event, kind: _Kind, step: str) -> None:
        """An event names the one before it, so the task's first one is found from its last."""
        at_ms: int = event[2]
        scheduled, started_ms = event, None
        while not scheduled[0].endswith("Scheduled"):
            if scheduled[0].endswith("Started"):
                started_ms = scheduled[2]
            scheduled = history[scheduled[1] - 1]
        arn = self._arn(kind, scheduled)
        self._add(kind, arn, f"{kind.plural}{step}", 1, "Count", at_ms)
        if step == "Started":
            waited_ms = at_ms - scheduled[2]
            self._add(kind, arn, f"{kind.singular}ScheduleTime", waited_ms, "Milliseconds", at_ms)
        elif step != "Scheduled":
            took_ms = at_ms - scheduled[2]
            self._add(kind, arn, f"{kind.singular}Time", took_ms, "Milliseconds", at_ms)
            if kind is _FUNCTION:
                started_ms = scheduled[2]
            if started_ms is not None:
                ran_ms = at_ms - started_ms
                self._add(kind, arn, f"{kind.singular}RunTime", ran_ms, "Milliseconds", at_ms)

    def _arn(self, kind: _Kind, scheduled: Event) -> str:
        if kind is _SERVICE:
            return f"arn:{self._partition}:states:::{scheduled[3]}:{scheduled[4]}"
        return str(scheduled[3])

    def _add(self, kind: _Kind, arn: str, name: str, value: float, unit: str, at_ms: int) -> None:
        self._metrics.add(_NAMESPACE, name, {kind.dimension: arn}, value, unit, at_ms)
