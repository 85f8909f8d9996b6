"""PutMetricData: values that somebody publishes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.cloudwatch.moments import moment_ms
from sfnlocal.services.metrics import Metrics
from sfnlocal.services.statistics import Distribution

_Datum: TypeAlias = Mapping[str, Json]

_PUT_WITH = frozenset({"Namespace", "MetricData"})
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
_DATA_MAX = 1_000
_VALUES_MAX = 150
_DIMENSIONS_MAX = 30
_PAST_MS_MAX = 14 * 86_400_000
_FUTURE_MS_MAX = 2 * 3_600_000
_RESOLUTIONS = (1, 60)


def put_metric_data(metrics: Metrics, params: Mapping[str, Json], now_ms: int) -> None:
    unknown = sorted(params.keys() - _PUT_WITH)
    if unknown:
        raise UnsupportedError(f"PutMetricData with {', '.join(unknown)} is not simulated")
    namespace = params["Namespace"]
    if namespace.startswith("AWS/"):
        raise _invalid("The value AWS/ for parameter Namespace is invalid.")
    data = params.get("MetricData", [])
    if not data:
        message = "The parameter MetricData is required."
        raise ApiError("MissingParameter", message)
    if len(data) > _DATA_MAX:
        message = f"The collection MetricData must not have a size greater than {_DATA_MAX}."
        raise _invalid(message)
    # One bad datum refuses all of them.
    taken = [_datum(datum, number, now_ms) for number, datum in enumerate(data, 1)]
    for datum, (distribution, at_ms) in zip(data, taken, strict=True):
        dimensions = {one["Name"]: one["Value"] for one in datum.get("Dimensions", ())}
        metrics.metric(namespace, datum["MetricName"], dimensions).merge(
            distribution,
            datum.get("Unit", "None"),
            at_ms,
            high_resolution=datum.get("StorageResolution", 60) == 1,
        )


def _datum(datum: _Datum, number: int, now_ms: int) -> tuple[Distribution, int]:
    where = f"MetricData.member.{number}"
    forms = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if not forms:
        message = f"At least one of the parameters {where}.Value, Values or StatisticValues"
        raise ApiError("MissingParameter", f"{message} must be specified.")
    if len(forms) > 1:
        message = f"The parameters {where}.{forms[0]} and {where}.{forms[1]} are mutually exclusive"
        raise ApiError("InvalidParameterCombination", f"{message} and you have specified both.")
    if len(datum.get("Dimensions", ())) > _DIMENSIONS_MAX:
        raise _invalid(f"{where}.Dimensions must not have more than {_DIMENSIONS_MAX} members.")
    if datum.get("StorageResolution", 60) not in _RESOLUTIONS:
        raise _invalid(f"The value for parameter {where}.StorageResolution must be 1 or 60.")
    at_ms = moment_ms(datum["Timestamp"]) if "Timestamp" in datum else now_ms
    if not now_ms - _PAST_MS_MAX <= at_ms <= now_ms + _FUTURE_MS_MAX:
        message = f"The parameter {where}.Timestamp must specify a time within the past two weeks"
        raise _invalid(f"{message}, and no more than two hours in the future.")
    return _distribution(datum, where), at_ms


def _distribution(datum: _Datum, where: str) -> Distribution:
    if "StatisticValues" in datum:
        values = datum["StatisticValues"]
        names = ("SampleCount", "Sum", "Minimum", "Maximum")
        count, total, minimum, maximum = (_number(values[name], where) for name in names)
        return Distribution.of_set(count, total, minimum, maximum)
    made = Distribution()
    if "Value" in datum:
        made.add(_number(datum["Value"], where))
        return made
    values, counts = datum["Values"], datum.get("Counts")
    if len(values) > _VALUES_MAX:
        raise _invalid(f"The collection {where}.Values must not have more than {_VALUES_MAX}.")
    if counts is None:
        counts = [1] * len(values)
    if len(values) != len(counts):
        raise _invalid(f"The parameters {where}.Values and {where}.Counts must be of equal size.")
    for value, count in zip(values, counts, strict=True):
        made.add(_number(value, where), _number(count, where))
    return made


def _number(value: Json, where: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise _invalid(f"The value {value} for parameter {where}.Value is invalid.")
    return number


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)
