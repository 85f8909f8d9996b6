"""The operators and functions of metric math, as a table.

A function of one time series that gives a scalar (AVG, SUM, ...) gives a time series for an array.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-functions-list
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, TypeAlias

from sfnlocal.errors import UnsupportedError
from sfnlocal.services.cloudwatch.math_values import MathError, Points, Scope, Series, Value

Apply: TypeAlias = Callable[[Scope, list[Value]], Value]


class Function(NamedTuple):
    arguments_min: int
    arguments_max: int
    apply: Apply


# Operators


def arithmetic(symbol: str) -> Callable[[Value, Value], Value]:
    return partial(_combined, _ARITHMETIC[symbol])


def comparison(symbol: str) -> Callable[[Value, Value], Value]:
    compare = _COMPARISONS[symbol]
    return partial(_combined, lambda left, right: float(compare(left, right)))


def logical(name: str) -> Callable[[Value, Value], Value]:
    if name == "AND":
        return partial(_combined, lambda left, right: float(left != 0 and right != 0))
    return partial(_combined, lambda left, right: float(left != 0 or right != 0))


def negated(value: Value) -> Value:
    return _combined(operator.mul, -1.0, value)


def _combined(combine: Callable[[float, float], float | None], left: Value, right: Value) -> Value:
    """Arrays are taken apart; of two time series, the one that has no value counts as 0."""
    if isinstance(left, str) or isinstance(right, str):
        raise MathError("a text is no operand")
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            raise MathError("arrays of different lengths cannot be combined")
        return [_series(_combined(combine, one, two)) for one, two in zip(left, right, strict=True)]
    if isinstance(left, list):
        return [_series(_combined(combine, one, right)) for one in left]
    if isinstance(right, list):
        return [_series(_combined(combine, left, one)) for one in right]
    if isinstance(left, Series) and isinstance(right, Series):
        pairs = zip(left.points, right.points, strict=True)
        points = [
            None if one is None and two is None else combine(one or 0.0, two or 0.0)
            for one, two in pairs
        ]
        return Series(points, left.label)
    if isinstance(left, Series):
        assert isinstance(right, float)
        kept = [None if one is None else combine(one, right) for one in left.points]
        return Series(kept, left.label)
    if isinstance(right, Series):
        kept = [None if one is None else combine(left, one) for one in right.points]
        return Series(kept, right.label)
    combined = combine(left, right)
    if combined is None:
        raise MathError("a scalar is divided by zero")
    return combined


def _divided(left: float, right: float) -> float | None:
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return None
    return result if isinstance(result, float) else None


_ARITHMETIC: Mapping[str, Callable[[float, float], float | None]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "^": _power,
}
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


# Arguments


def _series(value: Value) -> Series:
    if not isinstance(value, Series):
        raise MathError("a time series is needed here")
    return value


def _array(value: Value) -> list[Series]:
    if not isinstance(value, list):
        raise MathError("an array of time series is needed here")
    return value


def _number(value: Value) -> float:
    if not isinstance(value, float):
        raise MathError("a number is needed here")
    return value


def _each(change: Callable[[Scope, Points], Points], scope: Scope, values: list[Value]) -> Value:
    """Of a time series, or of each one of an array."""
    value = values[0]
    if isinstance(value, list):
        return [Series(change(scope, one.points), one.label) for one in value]
    one = _series(value)
    return Series(change(scope, one.points), one.label)


def _pointwise(compute: Callable[[float], float], scope: Scope, points: Points) -> Points:
    def computed(point: float | None) -> float | None:
        try:
            return None if point is None else float(compute(point))
        except ValueError:
            return None  # the logarithm of nothing

    return [computed(point) for point in points]


def _summary(
    compute: Callable[[Sequence[float]], float], scope: Scope, values: list[Value]
) -> Value:
    """A scalar of a time series; of an array, a time series."""
    value = values[0]
    if isinstance(value, list):
        columns = zip(*(one.points for one in value), strict=True)
        present = [[point for point in column if point is not None] for column in columns]
        return Series([compute(column) if column else None for column in present])
    present_points = _series(value).present()
    return compute(present_points) if present_points else 0.0


def _mean(points: Sequence[float]) -> float:
    return math.fsum(points) / len(points)


def _deviation(points: Sequence[float]) -> float:
    mean = _mean(points)
    return math.sqrt(_mean([(point - mean) ** 2 for point in points]))


def _average(scope: Scope, values: list[Value]) -> Value:
    """Of an array, missing values count as 0."""
    value = values[0]
    if not isinstance(value, list):
        return _summary(_mean, scope, values)
    total = _series(_summary(math.fsum, scope, values))
    return _combined(_divided, total, float(len(value)))


# Functions


def _metrics(scope: Scope, values: list[Value]) -> Value:
    part = values[0] if values else ""
    if not isinstance(part, str):
        raise MathError("METRICS takes a text")
    return [series for name, series in scope.metrics().items() if part in name]


def _if(scope: Scope, values: list[Value]) -> Value:
    condition, then = values[0], values[1]
    otherwise = values[2] if len(values) > 2 else Series([None] * scope.count)
    if isinstance(condition, float):
        return scope.series(then if condition else otherwise)
    chosen = zip(
        _series(condition).points,
        scope.series(then).points,
        scope.series(otherwise).points,
        strict=True,
    )
    return Series(
        [None if test is None else ((one or 0.0) if test else two) for test, one, two in chosen]
    )


def _fill(scope: Scope, values: list[Value]) -> Value:
    filler = values[1]
    if filler == "REPEAT":
        return _each(_repeated, scope, values)
    if filler == "LINEAR":
        return _each(_interpolated, scope, values)
    with_points = scope.series(filler).points

    def filled(_: Scope, points: Points) -> Points:
        pairs = zip(points, with_points, strict=True)
        return [two if one is None else one for one, two in pairs]

    return _each(filled, scope, values)


def _repeated(scope: Scope, points: Points) -> Points:
    filled: Points = []
    for point in points:
        filled.append(filled[-1] if point is None and filled else point)
    return filled


def _interpolated(scope: Scope, points: Points) -> Points:
    """On the line between the values around; as the nearest before the first and after the last."""
    known = [(at, point) for at, point in enumerate(points) if point is not None]
    if not known:
        return points
    filled: Points = []
    for at in range(len(points)):
        before = next((one for one in reversed(known) if one[0] <= at), known[0])
        after = next((one for one in known if one[0] >= at), known[-1])
        share = (at - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
        filled.append(before[1] + (after[1] - before[1]) * share)
    return filled


def _changes(change: Callable[[float, float], float], scope: Scope, points: Points) -> Points:
    """`change(difference, seconds)` to the value before; nothing for the first."""
    changed: Points = []
    last: tuple[int, float] | None = None
    for at, point in enumerate(points):
        if point is None or last is None:
            changed.append(None)
        else:
            seconds = (at - last[0]) * scope.period_ms / 1000
            changed.append(change(point - last[1], seconds))
        if point is not None:
            last = (at, point)
    return changed


def _running_sum(scope: Scope, points: Points) -> Points:
    total, sums = 0.0, list[float | None]()
    for point in points:
        total += point or 0.0
        sums.append(None if point is None else total)
    return sums


def _sort(scope: Scope, values: list[Value]) -> Value:
    by, order = values[1], values[2]
    if not isinstance(by, str) or by not in _SORTED_BY or order not in ("ASC", "DESC"):
        raise MathError("SORT takes an array, one of AVG, MIN, MAX, SUM, and ASC or DESC")

    def key(series: Series) -> float:
        present = series.present()
        return _SORTED_BY[by](present) if present else 0.0

    ranked = sorted(_array(values[0]), key=key, reverse=order == "DESC")
    return ranked[: int(_number(values[3]))] if len(values) > 3 else ranked


def _slice(scope: Scope, values: list[Value]) -> Value:
    array, start = _array(values[0]), int(_number(values[1]))
    return array[start : int(_number(values[2])) if len(values) > 2 else None]


def _time(compute: Callable[[datetime], float], scope: Scope, values: list[Value]) -> Value:
    moments = (datetime.fromtimestamp(start / 1000, UTC) for start in scope.starts_ms())
    return Series([float(compute(moment)) for moment in moments])


def _one(index: int, scope: Scope, values: list[Value]) -> Value:
    array = _array(values[0])
    return array[index] if array else Series([None] * scope.count)


def _of_points(change: Callable[[Scope, Points], Points]) -> Function:
    return Function(1, 1, partial(_each, change))


def _of_each_point(compute: Callable[[float], float]) -> Function:
    return _of_points(partial(_pointwise, compute))


def _of_time(compute: Callable[[datetime], float]) -> Function:
    return Function(1, 1, partial(_time, compute))


_SORTED_BY: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": _mean,
    "MIN": min,
    "MAX": max,
    "SUM": math.fsum,
}
FUNCTIONS: Mapping[str, Function] = {
    "ABS": _of_each_point(abs),
    "AVG": Function(1, 1, _average),
    "CEIL": _of_each_point(math.ceil),
    "DATAPOINT_COUNT": Function(1, 1, partial(_summary, lambda points: float(len(points)))),
    "DATE": _of_time(lambda moment: moment.day),
    "DAY": _of_time(lambda moment: moment.isoweekday()),
    "DIFF": _of_points(partial(_changes, lambda difference, seconds: difference)),
    "DIFF_TIME": _of_points(partial(_changes, lambda difference, seconds: seconds)),
    "EPOCH": _of_time(lambda moment: moment.timestamp()),
    "FILL": Function(2, 2, _fill),
    "FIRST": Function(1, 1, partial(_one, 0)),
    "FLOOR": _of_each_point(math.floor),
    "HOUR": _of_time(lambda moment: moment.hour),
    "IF": Function(2, 3, _if),
    "LAST": Function(1, 1, partial(_one, -1)),
    "LOG": _of_each_point(math.log),
    "LOG10": _of_each_point(math.log10),
    "MAX": Function(1, 1, partial(_summary, max)),
    "METRICS": Function(0, 1, _metrics),
    "METRIC_COUNT": Function(1, 1, lambda scope, values: float(len(_array(values[0])))),
    "MIN": Function(1, 1, partial(_summary, min)),
    "MINUTE": _of_time(lambda moment: moment.minute),
    "MONTH": _of_time(lambda moment: moment.month),
    "PERIOD": Function(1, 1, lambda scope, values: scope.period_ms / 1000),
    "RATE": _of_points(partial(_changes, lambda difference, seconds: difference / seconds)),
    "REMOVE_EMPTY": Function(
        1, 1, lambda scope, values: [one for one in _array(values[0]) if one.present()]
    ),
    "RUNNING_SUM": _of_points(_running_sum),
    "SLICE": Function(2, 3, _slice),
    "SORT": Function(3, 4, _sort),
    "STDDEV": Function(1, 1, partial(_summary, _deviation)),
    "SUM": Function(1, 1, partial(_summary, math.fsum)),
    "TIME_SERIES": Function(1, 1, lambda scope, values: scope.series(_number(values[0]))),
    "YEAR": _of_time(lambda moment: moment.year),
}
_ONLY_ON_AWS = (
    "ANOMALY_DETECTION_BAND",
    "DB_PERF_INSIGHTS",
    "INSIGHT_RULE_METRIC",
    "LAMBDA",
    "SEARCH",
    "SERVICE_QUOTA",
)
REFUSED: Mapping[str, UnsupportedError] = {
    name: UnsupportedError(
        f"{name} in metric math is not simulated",
        hint=f"only {', '.join(sorted(FUNCTIONS))} are",
    )
    for name in _ONLY_ON_AWS
}
