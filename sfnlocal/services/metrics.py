"""CloudWatch's metrics: what everything here reports about itself, kept in virtual time.

Strategy: a metric is a namespace, a name and its dimensions. Each value goes at once into the
distribution of its minute (high resolution: of its second); only minutes with data take memory, and
after CloudWatch's 15 and 63 days they are merged into five minutes and hours. A gauge, which on AWS
is sampled each minute, notes its changes only: its samples are made when somebody looks.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from sfnlocal.services.statistics import Distribution

MINUTE_MS = 60_000
_SECOND_MS = 1_000

# How long data points live, by their length: 3 hours, 15 days, 63 days, 455 days.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
_DAY_MS = 86_400_000
_MERGED = (
    (3 * 3_600_000, _SECOND_MS, MINUTE_MS),
    (15 * _DAY_MS, MINUTE_MS, 5 * MINUTE_MS),
    (63 * _DAY_MS, 5 * MINUTE_MS, 60 * MINUTE_MS),
)
_KEPT_MS = 455 * _DAY_MS
_MERGE_AT = 5_000


class MetricId(NamedTuple):
    """`dimensions` are sorted by name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def metric_id(namespace: str, name: str, dimensions: Mapping[str, str]) -> MetricId:
    return MetricId(namespace, name, tuple(sorted(dimensions.items())))


class Metric:
    """One metric's data. `last_ms` is when the newest of it was of; None: it has none."""

    __slots__ = ("_lock", "_merge_at", "_now_ms", "_points", "id", "last_ms", "listeners")

    def __init__(self, id: MetricId, now_ms: Callable[[], int], lock: threading.Lock) -> None:
        self.id = id
        self.last_ms: int | None = None
        self.listeners: list[Callable[[int], None]] = []
        self._now_ms = now_ms
        self._lock = lock
        self._points: dict[str, dict[int, Distribution]] = {}
        self._merge_at = _MERGE_AT

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
        at_ms = self._now_ms() if at_ms is None else at_ms
        with self._lock:
            self._point(unit, at_ms, high_resolution).add(value, count)
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

    def _point(self, unit: str, at_ms: int, high_resolution: bool) -> Distribution:
        points = self._points.get(unit)
        if points is None:
            points = self._points[unit] = {}
        start_ms = at_ms - at_ms % (_SECOND_MS if high_resolution else MINUTE_MS)
        point = points.get(start_ms)
        if point is None:
            if len(points) >= self._merge_at:
                self._merge_old(points)
            point = points[start_ms] = Distribution()
        if self.last_ms is None or at_ms > self.last_ms:
            self.last_ms = at_ms
        return point

    def _tell(self, at_ms: int) -> None:
        for listener in self.listeners:
            listener(at_ms)

    def _merge_old(self, points: dict[int, Distribution]) -> None:
        now_ms = self._now_ms()
        for start_ms in sorted(points):
            age_ms = now_ms - start_ms
            if age_ms > _KEPT_MS:
                del points[start_ms]
                continue
            for limit_ms, _, longer_ms in reversed(_MERGED):
                into_ms = start_ms - start_ms % longer_ms
                if age_ms > limit_ms and into_ms != start_ms:
                    points.setdefault(into_ms, Distribution()).merge(points.pop(start_ms))
                    break
        self._merge_at = max(_MERGE_AT, 2 * len(points))

    def units(self) -> list[str]:
        return list(self._points)

    def starts_ms(self, from_ms: int, to_ms: int, unit: str | None = None) -> Iterator[int]:
        """When the minutes (seconds) in [from_ms, to_ms) begin that have data; not in order."""
        for name, points in self._points.items():
            if unit is None or name == unit:
                if (to_ms - from_ms) // MINUTE_MS < len(points):
                    inside = range(from_ms - from_ms % MINUTE_MS, to_ms, MINUTE_MS)
                    yield from (start for start in inside if from_ms <= start and start in points)
                else:
                    yield from (start for start in points if from_ms <= start < to_ms)

    def distribution(
        self, from_ms: int, to_ms: int, unit: str | None = None
    ) -> Distribution | None:
        """All data in [from_ms, to_ms) together. None: there is none."""
        found: Distribution | None = None
        for name, points in self._points.items():
            if unit is None or name == unit:
                for start_ms in self.starts_ms(from_ms, to_ms, name):
                    found = found or Distribution()
                    found.merge(points[start_ms])
        return found


class Metrics:
    """Every metric of this process. `now_ms` is the virtual time."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._metrics: dict[MetricId, Metric] = {}

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
