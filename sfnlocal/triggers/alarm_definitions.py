"""What a template or PutMetricAlarm says of an alarm on a metric or an expression.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.cloudwatch.alarm_support import metric_alarm_refusal
from sfnlocal.services.cloudwatch.queries import (
    Query,
    check_period,
    invalid,
    metric_stat,
    queries,
)
from sfnlocal.services.statistics import percentile_of

Treatment: TypeAlias = Literal["missing", "notBreaching", "breaching", "ignore"]

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
_TREATMENTS = ("missing", "notBreaching", "breaching", "ignore")
_MINUTE_MS = 60_000
_HIGH_RESOLUTION_STEP_MS = 10_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_METRICS_MAX = 10

_SINGLE = frozenset(
    {"MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit"}
)


@dataclass(frozen=True, slots=True)
class Notices:
    """What every kind of alarm has: whom it tells."""

    name: str
    description: str | None
    actions_enabled: bool
    actions: Mapping[str, tuple[str, ...]]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MetricAlarm:
    """`watched` is the query whose data points are compared; `all_queries` what it needs.
    `properties` are as they were given, for DescribeAlarms."""

    notices: Notices
    all_queries: tuple[Query, ...]
    watched: Query
    period_ms: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: str
    treatment: Treatment
    ignores_few_samples: bool
    properties: Mapping[str, Json]

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.threshold)

    @property
    def range_periods(self) -> int:
        """How many periods are retrieved, so that older data points can stand for missing ones.
        AWS's documentation shows 5 for 3 evaluation periods."""
        return self.evaluation_periods + 2

    @property
    def step_ms(self) -> int:
        """How often it is evaluated: every minute, every 10 seconds of high resolution, every hour
        where it looks at more than a day."""
        if self.period_ms * self.evaluation_periods > _DAY_MS:
            return _HOUR_MS
        return _HIGH_RESOLUTION_STEP_MS if self.period_ms < _MINUTE_MS else _MINUTE_MS

    @property
    def percentile(self) -> float | None:
        return percentile_of(self.watched.stat.stat) if self.watched.stat else None


def metric_alarm(properties: Mapping[str, Json], name: str, account: str) -> MetricAlarm:
    """ApiError for what CloudWatch refuses, UnsupportedError for what is not simulated."""
    refusal = metric_alarm_refusal(properties)
    if refusal is not None:
        raise UnsupportedError(refusal)
    all_queries, watched = _watched(properties, account)
    period_ms = _period_ms(all_queries, watched)
    count = int(_required(properties, "EvaluationPeriods"))
    least = int(properties.get("DatapointsToAlarm", count))
    comparison = _required(properties, "ComparisonOperator")
    treatment = properties.get("TreatMissingData", "missing")
    if comparison not in COMPARISONS:
        raise invalid(f"ComparisonOperator {comparison} is none of {', '.join(COMPARISONS)}")
    if treatment not in _TREATMENTS:
        raise invalid(f"TreatMissingData {treatment} is none of {', '.join(_TREATMENTS)}")
    if not 1 <= least <= count:
        raise invalid("DatapointsToAlarm must be from 1 to EvaluationPeriods")
    longest_ms = 7 * _DAY_MS if period_ms >= _HOUR_MS else _DAY_MS
    if count * period_ms > longest_ms:
        days = longest_ms // _DAY_MS
        message = f"Metrics cannot be checked across more than {days} day(s)"
        raise invalid(f"{message} (EvaluationPeriods * Period must be <= {longest_ms // 1000})")
    low_samples = properties.get("EvaluateLowSampleCountPercentile", "evaluate")
    if low_samples not in ("evaluate", "ignore"):
        raise invalid(f"Option {low_samples} is not supported. Use evaluate or ignore.")
    return MetricAlarm(
        notices(properties, name),
        all_queries,
        watched,
        period_ms,
        count,
        least,
        float(_required(properties, "Threshold")),
        comparison,
        cast("Treatment", treatment),
        low_samples == "ignore",
        properties,
    )


def notices(properties: Mapping[str, Json], name: str) -> Notices:
    return Notices(
        name,
        properties.get("AlarmDescription"),
        properties.get("ActionsEnabled", True) in (True, "true"),
        {
            "OK": tuple(properties.get("OKActions", ())),
            "ALARM": tuple(properties.get("AlarmActions", ())),
            "INSUFFICIENT_DATA": tuple(properties.get("InsufficientDataActions", ())),
        },
        {tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())},
    )


def _watched(properties: Mapping[str, Json], account: str) -> tuple[tuple[Query, ...], Query]:
    if "Metrics" not in properties:
        return _single(properties)
    both = sorted(properties.keys() & _SINGLE)
    if both:
        raise invalid(f"Metrics and {both[0]} cannot be specified both")
    made = queries(properties["Metrics"], account)
    returned = [query for query in made if query.return_data]
    if len(returned) != 1:
        raise invalid("Exactly one element of the metrics list should return data.")
    if sum(query.stat is not None for query in made) > _METRICS_MAX:
        raise invalid(f"An alarm may watch {_METRICS_MAX} metrics")
    return made, returned[0]


def _single(properties: Mapping[str, Json]) -> tuple[tuple[Query, ...], Query]:
    stat = properties.get("Statistic") or properties.get("ExtendedStatistic")
    if not stat or ("Statistic" in properties) == ("ExtendedStatistic" in properties):
        raise invalid("Exactly one of Statistic and ExtendedStatistic must be specified")
    watched = metric_stat(
        _required(properties, "Namespace"),
        _required(properties, "MetricName"),
        properties.get("Dimensions", ()),
        check_period(_required(properties, "Period")),
        stat,
        properties.get("Unit"),
    )
    query = Query("m1", watched, None, "", True, None)
    return (query,), query


def _period_ms(all_queries: tuple[Query, ...], watched: Query) -> int:
    periods = {query.stat.period_ms for query in all_queries if query.stat is not None}
    if watched.period_ms is not None and watched.stat is None:
        periods.add(watched.period_ms)
    if len(periods) != 1:
        raise invalid("All metrics of an alarm must have the same Period")
    return periods.pop()


def _required(properties: Mapping[str, Json], name: str) -> Json:
    if name not in properties:
        raise invalid(f"{name} must be specified")
    return properties[name]
