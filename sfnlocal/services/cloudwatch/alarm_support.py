"""Which alarms are not watched here, and why."""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.ports import Json

# What an alarm on a metric or an expression may say.
METRIC_ALARM_WITH = frozenset(
    {
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluateLowSampleCountPercentile",
        "EvaluationPeriods",
        "EvaluationWindow",
        "ExtendedStatistic",
        "InsufficientDataActions",
        "MetricName",
        "Metrics",
        "Namespace",
        "OKActions",
        "Period",
        "Statistic",
        "Tags",
        "Threshold",
        "TreatMissingData",
        "Unit",
    }
)
COMPOSITE_ALARM_WITH = frozenset(
    {
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "AlarmRule",
        "InsufficientDataActions",
        "OKActions",
        "Tags",
    }
)
_ANOMALY_COMPARISONS = frozenset(
    {
        "LessThanLowerOrGreaterThanUpperThreshold",
        "LessThanLowerThreshold",
        "GreaterThanUpperThreshold",
    }
)


def metric_alarm_refusal(properties: Mapping[str, Json]) -> str | None:
    """Of a template's properties, or PutMetricAlarm's parameters."""
    if (
        "ThresholdMetricId" in properties
        or properties.get("ComparisonOperator") in _ANOMALY_COMPARISONS
    ):
        return "anomaly detection is not simulated"
    if "WallClockWindow" in properties.get("EvaluationWindow", {}):
        return "EvaluationWindow WallClockWindow is not simulated"
    return _unknown(properties, METRIC_ALARM_WITH)


def composite_alarm_refusal(properties: Mapping[str, Json]) -> str | None:
    return _unknown(properties, COMPOSITE_ALARM_WITH)


def _unknown(properties: Mapping[str, Json], known: frozenset[str]) -> str | None:
    unknown = sorted(properties.keys() - known)
    return f"alarms with {', '.join(unknown)} are not simulated" if unknown else None
