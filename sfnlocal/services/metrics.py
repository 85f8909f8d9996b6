"""CloudWatch's metrics: what everything here reports about itself, kept in virtual time.

Strategy: a metric is a namespace, a name and its dimensions. Each value goes at once into the
distribution of its minute (high resolution: of its second); only minutes with data take memory, and
after CloudWatch's 15 and 63 days they are merged into five minutes and hours.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from sfnlocal.services.gauges import Gauge
from sfnlocal.services.statistics import Distribution

MINUTE_MS = 60_000
_SECOND_MS = 1_000

# What is older is kept in data points of that length.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
_DAY_MS = 86_400_000
_KEPT_MS = 455 * _DAY_MS
_MERGED = (
    (63 * _DAY_MS, 60 * MINUTE_MS),
    (15 * _DAY_MS, 5 * MINUTE_MS),
    (3 * 3_600_000, MINUTE_MS),
)
_MERGE_AT = 5_000


class MetricId(NamedTuple):
    """`dimensions` are sorted by name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def metric_id(namespace: str, name: str, dimensions: Mapping[str, str]) -> MetricId:
    return MetricId(namespace, name, tuple(sorted(dimensions.items())))


class Metric:
    """One metric's data. `last_ms` is when the newest of it was of; None: it has none.
    `listeners` are told of the time of each value. A metric that is sampled has a `gauge`."""

    __slots__ = (
        "_lock",
        "_merge_at",
        "_newest",
        "_newest_ms",
        "_newest_unit",
        "_now_ms",
        "_points",
        "gauge",
        "id",
        "last_ms",
        "listeners",
        "step_ms",
    )

    def __init__(self, id: MetricId, now_ms: Callable[[], int], lock: threading.Lock) -> None:
        self.id = id
        self.last_ms: int | None = None
        self.step_ms = MINUTE_MS
        self.gauge: Gauge | None = None
        self.listeners: list[Callable[[int], None]] = []
        self._now_ms = now_ms
        self._lock = lock
        self._points: dict[str, dict[int, Distribution]] = {}
        self._merge_at = _MERGE_AT
        self._newest = Distribution()
        self._newest_ms = 0
        self._newest_unit = ""

    # Writing

    def add(
        self,
        value: float,
        unit: str = "Count",
        at_ms: int | None = None,
        *,
        count: float = 1,
        high_resolution: bool = False,
    ) -> None:
        """`value`, `count` times."""
        if at_ms is None:
            at_ms = self._now_ms()
        with self._lock:
            is_newest = 0 <= at_ms - self._newest_ms < MINUTE_MS and unit == self._newest_unit
            if is_newest and not high_resolution:
                self._newest.add(value, count)
            else:
                self._point(unit, at_ms, high_resolution).add(value, count)
        if self.listeners:
            self._tell(at_ms)

    def merge(
        self,
        distribution: Distribution,
        unit: str,
        at_ms: int | None = None,
        *,
        high_resolution: bool = False,
    ) -> None:
        at_ms = self._now_ms() if at_ms is None else at_ms
        with self._lock:
            self._point(unit, at_ms, high_resolution).merge(distribution)
        self._tell(at_ms)

    def set(
        self,
        value: float,
        unit: str = "Count",
        *,
        at_ms: int | None = None,
        per_second: float = 0,
        until_ms: int | None = None,
    ) -> None:
        """From `at_ms` (now) on each minute's sample is `value`, growing by `per_second`; after
        `until_ms` there are no more. For what AWS samples each minute, such as a queue's length."""
        if at_ms is None:
            at_ms = self._now_ms()
        if self.gauge is None:
            self.gauge = Gauge(unit)
        if self.gauge.set(at_ms, value, per_second, until_ms):
            self.last_ms = at_ms
            if self.listeners:
                self._tell(at_ms)

    def _tell(self, at_ms: int) -> None:
        for listener in self.listeners:
            listener(at_ms)

    def _point(self, unit: str, at_ms: int, high_resolution: bool) -> Distribution:
        points = self._points.get(unit)
        if points is None:
            points = self._points[unit] = {}
        if high_resolution:
            self.step_ms = _SECOND_MS
            start_ms = at_ms - at_ms % _SECOND_MS
        else:
            start_ms = at_ms - at_ms % MINUTE_MS
        point = points.get(start_ms)
        if point is None:
            if len(points) >= self._merge_at:
                self._merge_old(points)
            point = points[start_ms] = Distribution()
        if self.last_ms is None or at_ms >= self.last_ms:
            self.last_ms = at_ms
            if not high_resolution:
                self._newest, self._newest_ms, self._newest_unit = point, start_ms, unit
        return point

    def _merge_old(self, points: dict[int, Distribution]) -> None:
        now_ms, self._newest_unit = self._now_ms(), ""
        for start_ms in sorted(points):
            age_ms = now_ms - start_ms
            if age_ms > _KEPT_MS:
                del points[start_ms]
                continue
            length_ms = next((length for limit, length in _MERGED if age_ms > limit), 1)
            into_ms = start_ms - start_ms % length_ms
            if into_ms != start_ms:
                points.setdefault(into_ms, Distribution()).merge(points.pop(start_ms))
        self._merge_at = max(_MERGE_AT, 2 * len(points))

    # Reading

    def units(self) -> list[str]:
        return [*self._points, *([self.gauge.unit] if self.gauge else [])]

    def starts_ms(self, from_ms: int, to_ms: int, unit: str | None = None) -> Iterator[int]:
        """Of the minutes (seconds) in [from_ms, to_ms) that have values; in no order."""
        for _, start_ms in self._starts(from_ms, to_ms, unit):
            yield start_ms

    def distributions(
        self, from_ms: int, period_ms: int, count: int, unit: str | None = None
    ) -> dict[int, Distribution]:
        """The data of `count` periods from `from_ms` on, by the period's number; only those that
        have some."""
        to_ms = from_ms + period_ms * count
        found: dict[int, Distribution] = {}
        merged: set[int] = set()
        for points, start_ms in self._starts(from_ms, to_ms, unit):
            number = (start_ms - from_ms) // period_ms
            first = found.get(number)
            if first is None:
                found[number] = points[start_ms]
                continue
            if number not in merged:
                # What is kept stays as it is.
                merged.add(number)
                found[number] = Distribution()
                found[number].merge(first)
            found[number].merge(points[start_ms])
        if self.gauge is not None and unit in (None, self.gauge.unit):
            sampled: dict[int, Distribution] = {}
            for start_ms, value in self.gauge.samples(from_ms, min(to_ms, self._now_ms())):
                number = (start_ms - from_ms) // period_ms
                sampled.setdefault(number, Distribution()).add(value)
            for number, distribution in sampled.items():
                if number in found:
                    distribution.merge(found[number])
                found[number] = distribution
        return found

    def _starts(
        self, from_ms: int, to_ms: int, unit: str | None
    ) -> Iterator[tuple[dict[int, Distribution], int]]:
        step_ms = self.step_ms
        first_ms = -(-from_ms // step_ms) * step_ms
        for name, points in self._points.items():
            if unit is not None and name != unit:
                continue
            if (to_ms - first_ms) // step_ms < len(points):
                starts = range(first_ms, to_ms, step_ms)
                yield from ((points, start) for start in starts if start in points)
            else:
                yield from ((points, start) for start in points if from_ms <= start < to_ms)


class Metrics:
    """Every metric of this process. `now_ms` is the virtual time."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._metrics: dict[MetricId, Metric] = {}
        # Namespaces and names of what alarms watch, or have watched; and those without dimensions.
        self.watched: set[tuple[str, str]] = set()
        self.watched_bare: set[tuple[str, str]] = set()

    def watch(self, id: MetricId, listener: Callable[[int], None]) -> Metric:
        """Tell `listener` of the time of each value that the metric gets."""
        metric = self.of(id)
        metric.listeners.append(listener)
        self.watched.add((id.namespace, id.name))
        if not id.dimensions:
            self.watched_bare.add((id.namespace, id.name))
        return metric

    def add(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        unit: str = "Count",
        at_ms: int | None = None,
    ) -> None:
        """One value, now or at `at_ms`. Who adds often keeps `metric(...)`, which is faster."""
        self.metric(namespace, name, dimensions).add(value, unit, at_ms)

    def metric(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
        """The metric, which may have no data yet."""
        return self.of(metric_id(namespace, name, dimensions))

    def of(self, id: MetricId) -> Metric:
        metric = self._metrics.get(id)
        if metric is None:
            with self._lock:
                metric = self._metrics.setdefault(id, Metric(id, self._now_ms, self._lock))
        return metric

    def __iter__(self) -> Iterator[Metric]:
        """Those that have data, in the order in which they were first spoken of."""
        return (one for one in list(self._metrics.values()) if one.last_ms is not None)
