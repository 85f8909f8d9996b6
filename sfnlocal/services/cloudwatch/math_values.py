"""The values of metric math: scalars, time series on one grid of periods, and arrays of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Points: TypeAlias = list[float | None]


class MathError(ValueError):
    """An expression that CloudWatch would refuse; the text says why."""


@dataclass(slots=True)
class Series:
    """`points` are the values of the periods, the oldest first; None where there is none."""

    points: Points
    label: str = ""

    def present(self) -> list[float]:
        return [point for point in self.points if point is not None]


# A text is the argument of some functions.
Value: TypeAlias = "float | str | Series | list[Series]"


@dataclass(frozen=True, slots=True)
class Scope:
    """The grid: `count` periods of `period_ms` from `from_ms` on. `resolve` gives the value of an
    id, `metrics` are those of the request that are no expressions, by id."""

    from_ms: int
    period_ms: int
    count: int
    resolve: Callable[[str], Value]
    metrics: Callable[[], Mapping[str, Series]]

    def value_of(self, name: str) -> Value:
        return self.resolve(name)

    def series(self, value: Value) -> Series:
        if isinstance(value, Series):
            return value
        if isinstance(value, float):
            return Series([value] * self.count)
        raise MathError("an array may hold time series only")

    def starts_ms(self) -> range:
        return range(self.from_ms, self.from_ms + self.count * self.period_ms, self.period_ms)
