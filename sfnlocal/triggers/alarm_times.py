"""When an alarm's outcome can be another one than it was: an alarm is evaluated then, and not every
minute of a month in which nothing happens.

Strategy: the window slides by a step. A value moves from one period to the next at known times,
and at the last of them out of the window; between them the data points stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfnlocal.services.gauges import Reading
from sfnlocal.services.metrics import Metric
from sfnlocal.triggers.alarm_definitions import MetricAlarm


def boundary_after(at_ms: int, step_ms: int) -> int:
    return at_ms - at_ms % step_ms + step_ms


def next_evaluation_ms(alarm: MetricAlarm, metrics: Sequence[Metric], at_ms: int) -> int | None:
    """After the evaluation at `at_ms`; None: only new data can change the outcome."""
    soonest: int | None = None
    for metric in metrics:
        threshold = alarm.threshold if alarm.watched.stat is not None else None
        for next_ms in (
            _values_move_ms(alarm, metric, at_ms),
            _gauge_moves_ms(alarm, metric, at_ms, threshold),
        ):
            if next_ms is not None and (soonest is None or next_ms < soonest):
                soonest = next_ms
    return soonest


def _values_move_ms(alarm: MetricAlarm, metric: Metric, at_ms: int) -> int | None:
    if metric.last_ms is None:
        return None
    step_ms, period_ms = alarm.step_ms, alarm.period_ms
    soonest: int | None = None
    first_ms = at_ms - alarm.range_periods * period_ms
    for start_ms in metric.starts_ms(first_ms, max(at_ms, metric.last_ms + 1)):
        # How many whole periods it is old; below 0 for what is of the future.
        periods = (at_ms - 1 - start_ms) // period_ms
        moves_ms = boundary_after(start_ms + (periods + 1) * period_ms, step_ms)
        if start_ms >= at_ms:
            moves_ms = boundary_after(start_ms, step_ms)
        if moves_ms == at_ms + step_ms:
            return moves_ms
        if soonest is None or moves_ms < soonest:
            soonest = moves_ms
    return soonest


def _gauge_moves_ms(
    alarm: MetricAlarm, metric: Metric, at_ms: int, threshold: float | None
) -> int | None:
    if metric.gauge is None:
        return None
    step_ms, reading = alarm.step_ms, metric.gauge.last
    window_ms = alarm.range_periods * alarm.period_ms + step_ms
    if reading.at_ms > at_ms - window_ms:
        return at_ms + step_ms
    times = [reading.until_ms] if reading.until_ms is not None else []
    if reading.per_second:
        if threshold is None:
            return at_ms + step_ms
        times.append(_crosses_ms(reading, threshold))
    moves = [
        boundary_after(max(moment_ms, at_ms), step_ms)
        for moment_ms in times
        if moment_ms > at_ms - window_ms
    ]
    return min(moves, default=None)


def _crosses_ms(reading: Reading, threshold: float) -> int:
    """When what grows is the threshold, or was."""
    return reading.at_ms + int((threshold - reading.value) / reading.per_second * 1000)
