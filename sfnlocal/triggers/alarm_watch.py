"""An alarm that runs: what it is, its state, and what became of it; a metric alarm evaluates itself
when its data points may have changed.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.cloudwatch.math_values import Points
from sfnlocal.services.cloudwatch.queries import Evaluation
from sfnlocal.triggers.alarm_definitions import MetricAlarm, Notices
from sfnlocal.triggers.alarm_messages import (
    StateOf,
    composite_configuration,
    metric_configuration,
)
from sfnlocal.triggers.alarm_reasons import reason, reason_data
from sfnlocal.triggers.alarm_rule import AlarmRule
from sfnlocal.triggers.alarm_state import State, Verdict, judge
from sfnlocal.triggers.alarm_times import boundary_after, next_evaluation_ms

_HISTORY_MAX = 1_000
_SAMPLES = 10


class HistoryItem(NamedTuple):
    """`kind` is ConfigurationUpdate, StateUpdate or Action; `data` JSON text."""

    at_ms: int
    kind: str
    summary: str
    data: str


class Alarm:
    """What metric and composite alarms share. `properties` are as they were given."""

    def __init__(self, arn: str, notices: Notices, properties: Mapping[str, Json], now_ms: int):
        self.arn = arn
        self.notices = notices
        self.properties = properties
        self.tags = dict(notices.tags)
        self.actions_enabled = notices.actions_enabled
        self.configured_ms = now_ms
        self.state = StateOf("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", "", now_ms)
        self.history: deque[HistoryItem] = deque(maxlen=_HISTORY_MAX)

    @property
    def name(self) -> str:
        return self.notices.name

    def configuration(self) -> dict[str, Json]:
        """As events have it."""
        raise NotImplementedError

    def follow(self, other: Alarm) -> None:
        """It takes the place of an alarm with the same name, whose state stays."""
        self.state, self.history, self.tags = other.state, other.history, other.tags


class CompositeWatch(Alarm):
    def __init__(
        self,
        arn: str,
        notices: Notices,
        properties: Mapping[str, Json],
        rule: AlarmRule,
        now_ms: int,
    ) -> None:
        super().__init__(arn, notices, properties, now_ms)
        self.rule = rule

    def configuration(self) -> dict[str, Json]:
        return composite_configuration(self.notices.description, self.rule)


class MetricWatch(Alarm):
    """`changed(alarm, state)` is called when an evaluation leads to another state."""

    def __init__(
        self,
        arn: str,
        definition: MetricAlarm,
        aws: Aws,
        changed: Callable[[MetricWatch, StateOf], None],
    ) -> None:
        super().__init__(arn, definition.notices, definition.properties, aws.now_ms)
        self.definition = definition
        self._aws = aws
        self._changed = changed
        self._due_ms: int | None = None
        stats = [query.stat for query in definition.all_queries if query.stat is not None]
        self.metrics = [aws.metrics.of(stat.metric) for stat in stats]

    def configuration(self) -> dict[str, Json]:
        return metric_configuration(self.definition)

    def start(self, *, deployed: bool) -> None:
        """Watch the metrics. One that was `deployed` some minutes ago, and to which it is fine that
        nothing has happened, is in OK."""
        for metric in self.metrics:
            self._aws.metrics.watch(metric.id, self._told)
        now_ms = self._aws.now_ms
        at_ms = now_ms - now_ms % self.definition.step_ms
        verdict = self._verdict(at_ms)
        if deployed and verdict.state == "OK":
            self.state = self._state("OK", verdict, at_ms)
            self._schedule(next_evaluation_ms(self.definition, self.metrics, at_ms))
        else:
            self._schedule(boundary_after(now_ms, self.definition.step_ms))

    def stop(self) -> None:
        for metric in self.metrics:
            metric.listeners.remove(self._told)
        self._due_ms = None

    def evaluate_soon(self) -> None:
        self._schedule(boundary_after(self._aws.now_ms, self.definition.step_ms))

    def _told(self, at_ms: int) -> None:
        """There is a value of that time."""
        boundary_ms = boundary_after(at_ms, self.definition.step_ms)
        if self._due_ms is not None and self._due_ms <= boundary_ms:
            return
        now_ms = self._aws.now_ms
        if boundary_ms <= now_ms:
            boundary_ms = boundary_after(now_ms, self.definition.step_ms)
        self._schedule(boundary_ms)

    def _schedule(self, due_ms: int | None) -> None:
        if due_ms is None or (self._due_ms is not None and self._due_ms <= due_ms):
            return
        self._due_ms = due_ms
        self._aws.at(
            due_ms, lambda: self._due(due_ms), lambda: self._due_ms == due_ms, recurring=True
        )

    def _due(self, due_ms: int) -> None:
        self._due_ms = None
        step_ms = self.definition.step_ms
        if self._aws.now_ms >= due_ms + step_ms:
            # Time has been jumped over, and its evaluations with it.
            self._schedule(boundary_after(self._aws.now_ms, step_ms))
            return
        self._evaluate(due_ms)
        self._schedule(next_evaluation_ms(self.definition, self.metrics, due_ms))

    def _evaluate(self, at_ms: int) -> None:
        verdict = self._verdict(at_ms)
        if verdict.state is not None and verdict.state != self.state.value:
            self._changed(self, self._state(verdict.state, verdict, at_ms))

    def _verdict(self, at_ms: int) -> Verdict:
        alarm = self.definition
        if self._has_few_samples(at_ms):
            return Verdict(None, (), 0)
        return judge(
            self._points(at_ms),
            evaluation_periods=alarm.evaluation_periods,
            datapoints_to_alarm=alarm.datapoints_to_alarm,
            treatment=alarm.treatment,
            breaches=alarm.breaches,
        )

    def _points(self, at_ms: int) -> Points:
        alarm = self.definition
        from_ms = at_ms - alarm.range_periods * alarm.period_ms
        if len(alarm.all_queries) == 1 and alarm.watched.stat is not None:
            return alarm.watched.stat.points(self.metrics[0], from_ms, alarm.range_periods)
        evaluation = Evaluation(alarm.all_queries, self._aws.metrics, from_ms, at_ms)
        return evaluation.result(alarm.watched)[0].points

    def _has_few_samples(self, at_ms: int) -> bool:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html"""
        alarm, percent = self.definition, self.definition.percentile
        if not alarm.ignores_few_samples or percent is None:
            return False
        share = percent / 100
        rare = min(share, 1 - share)
        length_ms = alarm.evaluation_periods * alarm.period_ms
        found = self.metrics[0].distributions(at_ms - length_ms, length_ms, 1)
        return not found or found[0].count * rare < _SAMPLES

    def _state(self, state: State, verdict: Verdict, at_ms: int) -> StateOf:
        text = reason(self.definition, verdict, state, at_ms)
        data = reason_data(self.definition, verdict, at_ms)
        return StateOf(state, text, data, self._aws.now_ms)
