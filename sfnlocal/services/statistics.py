"""What CloudWatch computes over the values of a period: Average, Sum, p95, tm(10%:90%), ...

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

# Above it values are kept to three digits: CloudWatch's own percentiles are as approximate.
_VALUES_MAX = 1_000


class Distribution:
    """Values and how often each came. `values` is None where only a statistic set was published,
    from which no percentile can be computed."""

    __slots__ = ("count", "maximum", "minimum", "sum", "values")

    def __init__(self) -> None:
        self.count: float = 0
        self.sum: float = 0
        self.minimum: float = float("inf")
        self.maximum: float = float("-inf")
        self.values: dict[float, float] | None = {}

    def add(self, value: float, count: float = 1) -> None:
        self.count += count
        self.sum += value * count
        if value < self.minimum:
            self.minimum = value
        if value > self.maximum:
            self.maximum = value
        values = self.values
        if values is not None:
            values[value] = values.get(value, 0) + count
            if len(values) > _VALUES_MAX:
                self._coarsen(values)

    def merge(self, other: Distribution) -> None:
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        if self.values is None or other.values is None:
            self.values = None
            return
        for value, count in other.values.items():
            self.values[value] = self.values.get(value, 0) + count
        if len(self.values) > _VALUES_MAX:
            self._coarsen(self.values)

    def _coarsen(self, values: dict[float, float]) -> None:
        coarse: dict[float, float] = {}
        for value, count in values.items():
            rounded = float(f"{value:.3g}")
            coarse[rounded] = coarse.get(rounded, 0) + count
        self.values = coarse
