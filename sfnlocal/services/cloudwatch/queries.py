"""Metric data queries: what GetMetricData's MetricDataQueries and an alarm's Metrics say, and their
data over a grid of periods.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.cloudwatch.math_values import MathError, Points, Scope, Series, Value
from sfnlocal.services.cloudwatch.metric_math import Expression
from sfnlocal.services.metrics import Metric, MetricId, Metrics, metric_id
from sfnlocal.services.statistics import Statistic, statistic

_PERIODS = frozenset({1, 5, 10, 20, 30})
_ID = re.compile(r"[a-z]\w*")
_EXPRESSION_LENGTH_MAX = 2048


@dataclass(frozen=True, slots=True)
class MetricStat:
    """One metric, and the statistic of its values in each period."""

    metric: MetricId
    period_ms: int
    stat: str
    compute: Statistic
    unit: str | None = None

    def points(self, metric: Metric, from_ms: int, count: int) -> Points:
        """The statistic of each of `count` periods from `from_ms` on."""
        found = metric.distributions(from_ms, self.period_ms, count, self.unit)
        points: Points = [None] * count
        for number, distribution in found.items():
            points[number] = self.compute(distribution)
        return points


@dataclass(frozen=True, slots=True)
class Query:
    """A metric's statistic or an expression, one of the two. `label` is what the request gave."""

    id: str
    stat: MetricStat | None
    expression: Expression | None
    label: str
    return_data: bool
    period_ms: int | None

    def label_text(self) -> str:
        if self.label:
            return self.label
        return self.stat.metric.name if self.stat else self.id


def invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def check_period(seconds: Json) -> int:
    """In milliseconds."""
    period = int(seconds)
    if period not in _PERIODS and (period <= 0 or period % 60):
        raise invalid(f"Period must be 1, 5, 10, 20, 30 or a multiple of 60, not {seconds}")
    return period * 1000


def metric_stat(
    namespace: str,
    name: str,
    dimensions: Iterable[Mapping[str, Json]],
    period_ms: int,
    stat: str,
    unit: str | None,
) -> MetricStat:
    compute = statistic(stat)
    if compute is None:
        raise invalid(f"The value {stat} for parameter Stat is not supported.")
    pairs = {one["Name"]: str(one["Value"]) for one in dimensions}
    return MetricStat(metric_id(namespace, name, pairs), period_ms, stat, compute, unit)


def queries(texts: Sequence[Mapping[str, Json]], account: str = "") -> tuple[Query, ...]:
    """From API parameters or template properties, which look alike. ApiError for what CloudWatch
    refuses, UnsupportedError for what is not simulated."""
    made = tuple(_query(text, account) for text in texts)
    ids = [query.id for query in made]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise invalid(f"The values for parameter id in MetricDataQueries are not unique: {twice}")
    for query in made:
        for name in sorted(query.expression.names) if query.expression else ():
            if name not in ids:
                raise _refused(query.id, f"'{name}' is no id of this request")
    _check_circles({query.id: query for query in made})
    return made


def _query(text: Mapping[str, Json], account: str) -> Query:
    name = text["Id"]
    if not _ID.fullmatch(name):
        raise invalid(f"Invalid Id '{name}': it must begin with a lower case letter")
    if text.get("AccountId", account) != account:
        raise UnsupportedError("metrics of another account are not simulated", where=name)
    given, expression = text.get("MetricStat"), text.get("Expression")
    if (given is None) == (expression is None):
        raise invalid(f"Query '{name}' needs MetricStat or Expression, and not both")
    stat = compiled = None
    if given is not None:
        metric = given["Metric"]
        stat = metric_stat(
            metric.get("Namespace", ""),
            metric.get("MetricName", ""),
            metric.get("Dimensions", ()),
            check_period(given["Period"]),
            given["Stat"],
            given.get("Unit"),
        )
    else:
        compiled = _compiled(name, str(expression))
    period = text.get("Period")
    return Query(
        name,
        stat,
        compiled,
        text.get("Label", ""),
        text.get("ReturnData", True) in (True, "true"),
        check_period(period) if period is not None else None,
    )


def _compiled(name: str, text: str) -> Expression:
    if text.lstrip().upper().startswith("SELECT"):
        raise UnsupportedError("Metrics Insights queries are not simulated", where=name)
    if not 0 < len(text) <= _EXPRESSION_LENGTH_MAX:
        raise _refused(name, f"it must have 1 to {_EXPRESSION_LENGTH_MAX} characters")
    try:
        return Expression(text)
    except MathError as error:
        raise _refused(name, str(error)) from error


def _refused(name: str, why: str) -> ApiError:
    return invalid(f"Error in expression '{name}': {why}")


def _check_circles(by_id: Mapping[str, Query]) -> None:
    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise _refused(name, "it refers to itself")
        expression = by_id[name].expression
        for other in expression.names if expression else ():
            visit(other, (*above, name))

    for name in by_id:
        visit(name, ())


class Evaluation:
    """The values of queries that belong together, each computed once."""

    def __init__(
        self, all_queries: Sequence[Query], metrics: Metrics, from_ms: int, to_ms: int
    ) -> None:
        self._queries = {query.id: query for query in all_queries}
        self._metrics = metrics
        self._from_ms = from_ms
        self._to_ms = to_ms
        self._values: dict[tuple[str, int], Value] = {}

    def period_ms(self, query: Query) -> int:
        """An expression has the period of its metrics, the longest where they differ."""
        if query.stat is not None:
            return query.stat.period_ms
        if query.period_ms is not None:
            return query.period_ms
        return max(self._periods_ms(query), default=60_000)

    def _periods_ms(self, query: Query) -> list[int]:
        assert query.expression is not None
        named = [self._queries[name] for name in query.expression.names]
        if query.expression.all_metrics:
            named += [one for one in self._queries.values() if one.stat is not None]
        return [self.period_ms(one) for one in named]

    def result(self, query: Query) -> list[Series]:
        """One time series, or those of an array."""
        period_ms = self.period_ms(query)
        try:
            value = self._value(query.id, period_ms)
        except MathError as error:
            raise _refused(query.id, str(error)) from error
        if isinstance(value, Series):
            return [Series(value.points, query.label_text())]
        if isinstance(value, list):
            prefix = f"{query.label} " if query.label else ""
            return [Series(one.points, f"{prefix}{one.label}") for one in value]
        raise _refused(query.id, "its result is no time series")

    def _value(self, name: str, period_ms: int) -> Value:
        known = self._values.get((name, period_ms))
        if known is None:
            known = self._values[name, period_ms] = self._compute(name, period_ms)
        return known

    def _compute(self, name: str, period_ms: int) -> Value:
        query = self._queries[name]
        count = max(0, -(-(self._to_ms - self._from_ms) // period_ms))
        if query.stat is not None:
            if query.stat.period_ms != period_ms:
                raise UnsupportedError(
                    f"'{name}' has another period than the expression that it is part of",
                    hint="give all metrics of an expression one period",
                )
            metric = self._metrics.of(query.stat.metric)
            return Series(query.stat.points(metric, self._from_ms, count), query.label_text())
        assert query.expression is not None
        scope = Scope(
            self._from_ms,
            period_ms,
            count,
            lambda other: self._value(other, period_ms),
            lambda: self._all_metrics(period_ms),
        )
        return query.expression.evaluate(scope)

    def _all_metrics(self, period_ms: int) -> dict[str, Series]:
        series = {}
        for name, query in self._queries.items():
            if query.stat is not None:
                value = self._value(name, period_ms)
                assert isinstance(value, Series)
                series[name] = value
        return series
