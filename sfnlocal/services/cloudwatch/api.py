"""The CloudWatch API: metrics are answered here, alarms by whoever runs them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.cloudwatch.dashboards import Dashboards
from sfnlocal.services.cloudwatch.metric_values import put_metric_data
from sfnlocal.services.cloudwatch.moments import moment_ms
from sfnlocal.services.cloudwatch.queries import (
    Evaluation,
    Query,
    check_period,
    invalid,
    metric_stat,
    queries,
)
from sfnlocal.services.metrics import MINUTE_MS, Metric, Metrics
from sfnlocal.template.resources import App

Params: TypeAlias = dict[str, Json]
Operation: TypeAlias = Callable[[Params], dict[str, Json]]

_LISTED_MAX = 500
_LISTED_MS_MAX = 14 * 86_400_000
_ACTIVE_MS = 3 * 3_600_000
_QUERIES_MAX = 500
_DATAPOINTS_MAX = 100_800
_STATISTICS_DATAPOINTS_MAX = 1_440
_DATA_WITH = frozenset(
    {"MetricDataQueries", "StartTime", "EndTime", "ScanBy", "MaxDatapoints", "NextToken"}
)
_LISTED_WITH = frozenset({"Namespace", "MetricName", "Dimensions", "RecentlyActive", "NextToken"})


class CloudWatchApi:
    """Answers boto3's CloudWatch client: `answer(operation, parameters)`. `more` are the
    operations that somebody else carries out."""

    def __init__(
        self,
        app: App,
        metrics: Metrics,
        now_ms: Callable[[], int],
        more: Mapping[str, Operation],
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._now_ms = now_ms
        self._operations: dict[str, Operation] = {
            "GetMetricData": self._get_metric_data,
            "GetMetricStatistics": self._get_metric_statistics,
            "ListMetrics": self._list_metrics,
            "PutMetricData": self._put_metric_data,
            **Dashboards(app, now_ms).operations,
            **more,
        }

    def __call__(self, operation: str, params: Params) -> dict[str, Json]:
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(
                f"cloudwatch:{operation} is not simulated",
                hint=f"only {', '.join(sorted(self._operations))} are",
            )
        return answer(params)

    def _put_metric_data(self, params: Params) -> dict[str, Json]:
        put_metric_data(self._metrics, params, self._now_ms())
        return {}

    def _list_metrics(self, params: Params) -> dict[str, Json]:
        _only(params, _LISTED_WITH, "ListMetrics")
        recent = params.get("RecentlyActive")
        since_ms = self._now_ms() - (_ACTIVE_MS if recent == "PT3H" else _LISTED_MS_MAX)
        found = [
            {
                "Namespace": metric.id.namespace,
                "MetricName": metric.id.name,
                "Dimensions": [
                    {"Name": name, "Value": value} for name, value in metric.id.dimensions
                ],
            }
            for metric in self._metrics
            if (metric.last_ms or 0) >= since_ms and _matches(metric, params)
        ]
        start = _token(params)
        answer: dict[str, Json] = {"Metrics": found[start : start + _LISTED_MAX]}
        if start + _LISTED_MAX < len(found):
            answer["NextToken"] = str(start + _LISTED_MAX)
        return answer

    def _get_metric_statistics(self, params: Params) -> dict[str, Json]:
        period_ms = check_period(params["Period"])
        from_ms, to_ms = self._range(params, period_ms)
        count = max(0, (to_ms - from_ms) // period_ms)
        names = [*params.get("Statistics", ()), *params.get("ExtendedStatistics", ())]
        if not names:
            message = "Must specify either Statistics or ExtendedStatistics"
            raise ApiError("InvalidParameterCombination", message)
        if count > _STATISTICS_DATAPOINTS_MAX:
            message = f"You have requested up to {count} datapoints, which exceeds the limit of"
            raise ApiError(
                "InvalidParameterCombination", f"{message} {_STATISTICS_DATAPOINTS_MAX}."
            )
        stats = [
            metric_stat(
                params["Namespace"],
                params["MetricName"],
                params.get("Dimensions", ()),
                period_ms,
                name,
                params.get("Unit"),
            )
            for name in names
        ]
        metric = self._metrics.of(stats[0].metric)
        points: list[dict[str, Json]] = []
        for unit in [params["Unit"]] if "Unit" in params else metric.units():
            found = metric.distributions(from_ms, period_ms, count, unit)
            for number in sorted(found):
                point = {"Timestamp": (from_ms + number * period_ms) / 1000, "Unit": unit}
                extended = {}
                for stat in stats:
                    value = stat.compute(found[number])
                    if stat.stat in params.get("Statistics", ()):
                        point[stat.stat] = value
                    elif value is not None:
                        extended[stat.stat] = value
                points.append({**point, **({"ExtendedStatistics": extended} if extended else {})})
        return {"Label": params["MetricName"], "Datapoints": points}

    def _get_metric_data(self, params: Params) -> dict[str, Json]:
        _only(params, _DATA_WITH, "GetMetricData")
        if len(params["MetricDataQueries"]) > _QUERIES_MAX:
            raise invalid(f"The request may have {_QUERIES_MAX} MetricDataQueries")
        asked = queries(params["MetricDataQueries"], self._app.account)
        newest_first = params.get("ScanBy", "TimestampDescending") != "TimestampAscending"
        results = [one for query in asked for one in self._results(query, asked, params)]
        if newest_first:
            for result in results:
                result["Timestamps"].reverse()
                result["Values"].reverse()
        return _page(results, _token(params), int(params.get("MaxDatapoints", _DATAPOINTS_MAX)))

    def _results(
        self, query: Query, asked: tuple[Query, ...], params: Params
    ) -> Iterator[dict[str, Json]]:
        if not query.return_data:
            return
        period_ms = Evaluation(asked, self._metrics, 0, 0).period_ms(query)
        from_ms, to_ms = self._range(params, period_ms)
        for series in Evaluation(asked, self._metrics, from_ms, to_ms).result(query):
            present = [
                ((from_ms + number * period_ms) / 1000, value)
                for number, value in enumerate(series.points)
                if value is not None
            ]
            yield {
                "Id": query.id,
                "Label": series.label,
                "Timestamps": [at for at, _ in present],
                "Values": [value for _, value in present],
                "StatusCode": "Complete",
            }

    def _range(self, params: Params, period_ms: int) -> tuple[int, int]:
        """The start falls on a whole period, or on a whole minute where that is less."""
        from_ms, to_ms = moment_ms(params["StartTime"]), moment_ms(params["EndTime"])
        if from_ms >= to_ms:
            message = "The parameter StartTime must be less than the parameter EndTime."
            raise ApiError("ValidationError", message)
        return from_ms - from_ms % min(period_ms, MINUTE_MS), to_ms


def _matches(metric: Metric, params: Params) -> bool:
    if params.get("Namespace", metric.id.namespace) != metric.id.namespace:
        return False
    if params.get("MetricName", metric.id.name) != metric.id.name:
        return False
    has = dict(metric.id.dimensions)
    return all(
        one["Name"] in has and one.get("Value", has[one["Name"]]) == has[one["Name"]]
        for one in params.get("Dimensions", ())
    )


def _page(results: list[dict[str, Json]], start: int, most: int) -> dict[str, Json]:
    """At most `most` data points, after the first `start`."""
    page, seen = [], 0
    end = start + most
    for result in results:
        count = len(result["Values"])
        cut = slice(max(0, start - seen), max(0, end - seen))
        if seen < end and (seen + count > start or not count):
            part = {name: result[name][cut] for name in ("Timestamps", "Values")}
            status = "Complete" if seen + count <= end else "PartialData"
            page.append({**result, **part, "StatusCode": status})
        seen += count
    more = {"NextToken": str(end)} if seen > end else {}
    return {"MetricDataResults": page, "Messages": [], **more}


def _token(params: Params) -> int:
    text = params.get("NextToken") or "0"
    if not text.isdecimal():
        raise ApiError("InvalidNextToken", "The next token is invalid.")
    return int(text)


def _only(params: Params, known: frozenset[str], operation: str) -> None:
    unknown = sorted(params.keys() - known)
    if unknown:
        raise UnsupportedError(f"{operation} with {', '.join(unknown)} is not simulated")
