"""What a state change of an alarm tells others: the event, the topic's message, the function's
input.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.services.cloudwatch.queries import MetricStat, Query
from sfnlocal.template.resources import App
from sfnlocal.triggers.alarm_definitions import MetricAlarm
from sfnlocal.triggers.alarm_reasons import timestamp
from sfnlocal.triggers.alarm_rule import AlarmRule
from sfnlocal.triggers.alarm_state import State

# CloudWatch's messages name the regions; others than these by their code.
_REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "eu-north-1": "EU (Stockholm)",
    "eu-south-1": "EU (Milan)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "sa-east-1": "South America (Sao Paulo)",
}
_STATISTICS = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})


@dataclass(frozen=True, slots=True)
class StateOf:
    """An alarm's state since `at_ms`."""

    value: State
    reason: str
    reason_data: str
    at_ms: int

    def told(self) -> dict[str, Json]:
        data = {"reasonData": self.reason_data} if self.reason_data else {}
        moment = timestamp(self.at_ms)
        return {"value": self.value, "reason": self.reason, **data, "timestamp": moment}


def metric_configuration(alarm: MetricAlarm) -> dict[str, Json]:
    described = alarm.notices.description
    metrics = [_told_query(query) for query in alarm.all_queries]
    return {**({"description": described} if described else {}), "metrics": metrics}


def composite_configuration(description: str | None, rule: AlarmRule) -> dict[str, Json]:
    return {**({"description": description} if description else {}), "alarmRule": rule.text}


def change_detail(
    name: str, configuration: Json, state: StateOf, previous: StateOf
) -> dict[str, Json]:
    """The detail of `CloudWatch Alarm State Change`, and a function's `alarmData`."""
    return {
        "alarmName": name,
        "state": state.told(),
        "previousState": previous.told(),
        "configuration": configuration,
    }


def function_input(app: App, alarm_arn: str, detail: Json, at_ms: int) -> dict[str, Json]:
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm_arn,
        "accountId": app.account,
        "time": timestamp(at_ms),
        "region": app.region,
        "alarmData": detail,
    }


def topic_subject(app: App, name: str, state: StateOf) -> str:
    return f'{state.value}: "{name}" in {_region(app)}'[:100]


def topic_message(
    app: App,
    alarm_arn: str,
    alarm: MetricAlarm | None,
    rule: AlarmRule | None,
    notices: Mapping[str, Json],
    state: StateOf,
    previous: StateOf,
) -> str:
    """JSON text. `notices` are the name, description and actions as the message has them."""
    message: dict[str, Json] = {
        "AlarmName": notices["AlarmName"],
        "AlarmDescription": notices["AlarmDescription"],
        "AWSAccountId": app.account,
        "AlarmConfigurationUpdatedTimestamp": notices["AlarmConfigurationUpdatedTimestamp"],
        "NewStateValue": state.value,
        "NewStateReason": state.reason,
        "StateChangeTime": timestamp(state.at_ms),
        "Region": _region(app),
        "AlarmArn": alarm_arn,
        "OldStateValue": previous.value,
        "OKActions": notices["OKActions"],
        "AlarmActions": notices["AlarmActions"],
        "InsufficientDataActions": notices["InsufficientDataActions"],
    }
    if alarm is not None:
        message["Trigger"] = _trigger(alarm)
    if rule is not None:
        message["AlarmRule"] = rule.text
    return json_text(message)


def _region(app: App) -> str:
    return _REGIONS.get(app.region, app.region)


def _trigger(alarm: MetricAlarm) -> dict[str, Json]:
    stat = alarm.watched.stat
    single = _single_trigger(stat) if stat is not None and len(alarm.all_queries) == 1 else {}
    trigger: dict[str, Json] = {
        **single,
        "Period": alarm.period_ms // 1000,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "ComparisonOperator": alarm.comparison,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treatment,
        "EvaluateLowSampleCountPercentile": "ignore" if alarm.ignores_few_samples else "",
    }
    if not single:
        trigger["Metrics"] = [_trigger_query(query) for query in alarm.all_queries]
    return trigger


def _single_trigger(stat: MetricStat) -> dict[str, Json]:
    simple = stat.stat in _STATISTICS
    kind = {"StatisticType": "Statistic", "Statistic": stat.stat.upper()}
    if not simple:
        kind = {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": stat.stat}
    return {
        "MetricName": stat.metric.name,
        "Namespace": stat.metric.namespace,
        **kind,
        "Unit": stat.unit,
        "Dimensions": _dimensions(stat),
    }


def _dimensions(stat: MetricStat) -> list[dict[str, str]]:
    return [{"value": value, "name": name} for name, value in stat.metric.dimensions]


def _trigger_query(query: Query) -> dict[str, Json]:
    told: dict[str, Json] = {"Id": query.id, "ReturnData": query.return_data}
    if query.label:
        told["Label"] = query.label
    if query.expression is not None:
        return {"Expression": query.expression.text, **told}
    assert query.stat is not None
    metric = query.stat.metric
    return {
        **told,
        "MetricStat": {
            "Metric": {
                "Dimensions": _dimensions(query.stat),
                "MetricName": metric.name,
                "Namespace": metric.namespace,
            },
            "Period": query.stat.period_ms // 1000,
            "Stat": query.stat.stat,
        },
    }


def _told_query(query: Query) -> dict[str, Json]:
    label = {"label": query.label} if query.label else {}
    if query.expression is not None:
        told: dict[str, Json] = {"id": query.id, "expression": query.expression.text, **label}
        return {**told, "returnData": query.return_data}
    assert query.stat is not None
    metric = query.stat.metric
    stat = {
        "metric": {
            "namespace": metric.namespace,
            "name": metric.name,
            "dimensions": dict(metric.dimensions),
        },
        "period": query.stat.period_ms // 1000,
        "stat": query.stat.stat,
        **({"unit": query.stat.unit} if query.stat.unit else {}),
    }
    return {"id": query.id, "metricStat": stat, **label, "returnData": query.return_data}
