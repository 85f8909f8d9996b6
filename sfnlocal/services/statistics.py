"""What CloudWatch computes over the values of a period: Average, Sum, p95, TM(10%:90%), ...

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

# None: it cannot be computed from this distribution.
Statistic: TypeAlias = Callable[["Distribution"], float | None]

# Above it values are kept to three digits: CloudWatch's own percentiles are as approximate.
_VALUES_MAX = 1_000


class Distribution:
    """Values and how often each came. `values` is None where only a statistic set was published,
    from which no percentile can be computed."""

    __slots__ = ("_coarse", "count", "maximum", "minimum", "sum", "values")

    def __init__(self) -> None:
        self.count: float = 0
        self.sum: float = 0
        self.minimum: float = math.inf
        self.maximum: float = -math.inf
        self.values: dict[float, float] | None = {}
        self._coarse = False

    @classmethod
    def of_set(cls, count: float, total: float, minimum: float, maximum: float) -> Distribution:
        """A statistic set. Its values are known where there is one, or all are the same."""
        made = cls()
        if count == 1 or minimum == maximum:
            made.add(minimum, count)
        else:
            made.count, made.sum, made.minimum, made.maximum = count, total, minimum, maximum
            made.values = None
        return made

    def add(self, value: float, count: float = 1) -> None:
        self.count += count
        self.sum += value * count
        if value < self.minimum:
            self.minimum = value
        if value > self.maximum:
            self.maximum = value
        values = self.values
        if values is not None:
            if self._coarse:
                value = _coarse(value)
            values[value] = values.get(value, 0) + count
            if len(values) > _VALUES_MAX and not self._coarse:
                self._coarsen(values)

    def merge(self, other: Distribution) -> None:
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        values = self.values
        if values is None or other.values is None:
            self.values = None
            return
        for value, count in other.values.items():
            kept = _coarse(value) if self._coarse else value
            values[kept] = values.get(kept, 0) + count
        if len(values) > _VALUES_MAX and not self._coarse:
            self._coarsen(values)

    def _coarsen(self, values: Mapping[float, float]) -> None:
        coarse: dict[float, float] = {}
        for value, count in values.items():
            rounded = _coarse(value)
            coarse[rounded] = coarse.get(rounded, 0) + count
        self.values, self._coarse = coarse, True


def statistic(name: str) -> Statistic | None:
    """The function that `name` stands for, as Statistic or ExtendedStatistic has it; None where it
    is no statistic."""
    simple = _SIMPLE.get(name)
    if simple is not None:
        return simple
    match = _PERCENTILE.fullmatch(name)
    if match is not None and float(match[1]) <= 100:
        return partial(_percentile, percent=float(match[1]))
    match = _SHORT.fullmatch(name)
    if match is not None and float(match[2]) <= 100:
        return partial(_SHAPES[match[1].upper()], low=0.0, high=float(match[2]), percent=True)
    match = _RANGE.fullmatch(name)
    if match is None:
        return None
    return _ranged(match[1], match[2].split(":"))


def percentile_of(name: str) -> float | None:
    """The percentile that `name` asks for, from 0 to 100; None where it is no percentile."""
    match = _PERCENTILE.fullmatch(name)
    return float(match[1]) if match else None


def _ranged(shape: str, bounds: list[str]) -> Statistic | None:
    if len(bounds) != 2 or bounds == ["", ""]:
        return None
    percent = any(bound.endswith("%") for bound in bounds)
    low_text, high_text = (bound.removesuffix("%") for bound in bounds)
    if shape == "PR" and percent:
        return None
    low = float(low_text) if low_text else (0.0 if percent else -math.inf)
    high = float(high_text) if high_text else (100.0 if percent else math.inf)
    return partial(_SHAPES[shape], low=low, high=high, percent=percent)


def _average(values: Distribution) -> float:
    return values.sum / values.count


def _percentile(values: Distribution, percent: float) -> float | None:
    """The nearest rank: the smallest value that so many percent are not above."""
    if values.values is None:
        return None
    rank, seen = percent / 100 * values.count, 0.0
    for value, count in sorted(values.values.items()):
        seen += count
        if seen >= rank:
            return value
    return values.maximum


def _inside(
    values: Mapping[float, float], low: float, high: float, percent: bool
) -> Iterator[tuple[float, float]]:
    """The values, and how much of their count, that lie above `low` and up to `high`."""
    if not percent:
        yield from ((value, count) for value, count in values.items() if low < value <= high)
        return
    total, seen = sum(values.values()), 0.0
    first, last = low / 100 * total, high / 100 * total
    for value, count in sorted(values.items()):
        inside = min(seen + count, last) - max(seen, first)
        if inside > 0:
            yield value, inside
        seen += count


def _trimmed_count(values: Distribution, low: float, high: float, percent: bool) -> float | None:
    if values.values is None:
        return None
    return sum(count for _, count in _inside(values.values, low, high, percent))


def _trimmed_sum(values: Distribution, low: float, high: float, percent: bool) -> float | None:
    if values.values is None:
        return None
    return sum(value * count for value, count in _inside(values.values, low, high, percent))


def _trimmed_mean(values: Distribution, low: float, high: float, percent: bool) -> float | None:
    total = _trimmed_sum(values, low, high, percent)
    count = _trimmed_count(values, low, high, percent)
    return total / count if total is not None and count else None


def _winsorized_mean(values: Distribution, low: float, high: float, percent: bool) -> float | None:
    if values.values is None:
        return None
    if percent:
        least, most = _percentile(values, low), _percentile(values, high)
        assert least is not None
        assert most is not None
        low, high = least, most
    total = sum(min(max(value, low), high) * count for value, count in values.values.items())
    return total / values.count


def _percentile_rank(values: Distribution, low: float, high: float, percent: bool) -> float | None:
    count = _trimmed_count(values, low, high, percent)
    return None if count is None else 100 * count / values.count


def _coarse(value: float) -> float:
    return float(f"{value:.3g}")


_NUMBER = r"\d{1,3}(?:\.\d{0,10})?"
_PERCENTILE = re.compile(rf"p({_NUMBER})")
_SHORT = re.compile(rf"(tm|wm|tc|ts)({_NUMBER})")
_RANGE = re.compile(r"(TM|WM|TC|TS|PR)\((-?[\d.]*%?:-?[\d.]*%?)\)")
_SHAPES: Mapping[str, Callable[..., float | None]] = {
    "TM": _trimmed_mean,
    "WM": _winsorized_mean,
    "TC": _trimmed_count,
    "TS": _trimmed_sum,
    "PR": _percentile_rank,
}
_SIMPLE: Mapping[str, Statistic] = {
    "SampleCount": lambda values: values.count,
    "Average": _average,
    "Sum": lambda values: values.sum,
    "Minimum": lambda values: values.minimum,
    "Maximum": lambda values: values.maximum,
    "IQM": partial(_trimmed_mean, low=25.0, high=75.0, percent=True),
}
