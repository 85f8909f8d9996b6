"""The operations of CloudWatch's API that are about alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.cloudwatch.moments import moment_ms
from sfnlocal.services.metrics import metric_id
from sfnlocal.triggers.alarm_messages import StateOf
from sfnlocal.triggers.alarm_watch import Alarm, CompositeWatch, MetricWatch

if TYPE_CHECKING:
    from sfnlocal.triggers.alarms import Alarms

Params: TypeAlias = dict[str, Json]

_DESCRIBED_MAX = 100
_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
_DESCRIBED_WITH = frozenset(
    {"AlarmNames", "AlarmNamePrefix", "AlarmTypes", "ChildrenOfAlarmName", "ParentsOfAlarmName"}
    | {"StateValue", "ActionPrefix", "MaxRecords", "NextToken"}
)
# What a template or PutMetricAlarm says is described in these words again.
_AS_GIVEN = (
    *("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Unit"),
    *("ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile", "Metrics"),
)


class AlarmOperations:
    def __init__(self, alarms: Alarms, aws: Aws) -> None:
        self._alarms = alarms
        self._aws = aws
        self.operations: dict[str, Callable[[Params], dict[str, Json]]] = {
            "DeleteAlarms": self._delete,
            "DescribeAlarmHistory": self._history,
            "DescribeAlarms": self._describe,
            "DescribeAlarmsForMetric": self._for_metric,
            "DisableAlarmActions": lambda params: self._enable(params, enabled=False),
            "EnableAlarmActions": lambda params: self._enable(params, enabled=True),
            "ListTagsForResource": self._tags,
            "PutCompositeAlarm": self._put_composite,
            "PutMetricAlarm": self._put,
            "SetAlarmState": self._set_state,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }

    def _put(self, params: Params) -> dict[str, Json]:
        self._alarms.put_metric_alarm(params["AlarmName"], params)
        return {}

    def _put_composite(self, params: Params) -> dict[str, Json]:
        self._alarms.put_composite_alarm(params["AlarmName"], params)
        return {}

    def _delete(self, params: Params) -> dict[str, Json]:
        names = params["AlarmNames"]
        for name in names:
            self._found(name)
        self._alarms.remove(names)
        return {}

    def _enable(self, params: Params, *, enabled: bool) -> dict[str, Json]:
        for name in params["AlarmNames"]:
            alarm = self._alarms.find(name)
            if alarm is not None:
                alarm.actions_enabled = enabled
        return {}

    def _set_state(self, params: Params) -> dict[str, Json]:
        alarm, value = self._found(params["AlarmName"]), params["StateValue"]
        if value not in _STATES:
            raise ApiError("ValidationError", f"StateValue {value} is none of {', '.join(_STATES)}")
        data = params.get("StateReasonData", "")
        state = StateOf(value, params["StateReason"], data, self._aws.now_ms)
        self._alarms.set_state(alarm, state)
        return {}

    # Looking

    def _describe(self, params: Params) -> dict[str, Json]:
        unknown = sorted(params.keys() - _DESCRIBED_WITH)
        if unknown:
            raise UnsupportedError(f"DescribeAlarms with {', '.join(unknown)} is not simulated")
        types = params.get("AlarmTypes") or ["MetricAlarm"]
        found = [
            alarm
            for alarm in self._alarms
            if _type(alarm) in types and self._is_asked_for(alarm, params)
        ]
        page, token = _page(found, params)
        return {
            "MetricAlarms": [_metric(one) for one in page if isinstance(one, MetricWatch)],
            "CompositeAlarms": [_composite(one) for one in page if isinstance(one, CompositeWatch)],
            **token,
        }

    def _is_asked_for(self, alarm: Alarm, params: Params) -> bool:
        if "AlarmNames" in params and alarm.name not in params["AlarmNames"]:
            return False
        if not alarm.name.startswith(params.get("AlarmNamePrefix", "")):
            return False
        if params.get("StateValue", alarm.state.value) != alarm.state.value:
            return False
        prefix = params.get("ActionPrefix")
        actions = [arn for arns in alarm.notices.actions.values() for arn in arns]
        if prefix is not None and not any(arn.startswith(prefix) for arn in actions):
            return False
        if "ChildrenOfAlarmName" in params:
            parent = self._found(params["ChildrenOfAlarmName"])
            if not isinstance(parent, CompositeWatch) or alarm.name not in parent.rule.names:
                return False
        if "ParentsOfAlarmName" in params:
            child = self._found(params["ParentsOfAlarmName"])
            return isinstance(alarm, CompositeWatch) and child.name in alarm.rule.names
        return True

    def _for_metric(self, params: Params) -> dict[str, Json]:
        dimensions = {one["Name"]: one["Value"] for one in params.get("Dimensions", ())}
        asked = metric_id(params["Namespace"], params["MetricName"], dimensions)
        found = []
        for alarm in self._alarms:
            stat = alarm.definition.watched.stat if isinstance(alarm, MetricWatch) else None
            if stat is None or stat.metric != asked:
                continue
            wanted = params.get("Statistic") or params.get("ExtendedStatistic") or stat.stat
            period_ms = int(params.get("Period", stat.period_ms // 1000)) * 1000
            if (wanted, period_ms) == (stat.stat, stat.period_ms):
                assert isinstance(alarm, MetricWatch)
                found.append(_metric(alarm))
        return {"MetricAlarms": found}

    def _history(self, params: Params) -> dict[str, Json]:
        types = params.get("AlarmTypes") or ["MetricAlarm"]
        name, kind = params.get("AlarmName"), params.get("HistoryItemType")
        since_ms = moment_ms(params["StartDate"]) if "StartDate" in params else 0
        until_ms = moment_ms(params["EndDate"]) if "EndDate" in params else self._aws.now_ms
        found: list[dict[str, Json]] = [
            {
                "AlarmName": alarm.name,
                "AlarmType": _type(alarm),
                "Timestamp": item.at_ms / 1000,
                "HistoryItemType": item.kind,
                "HistorySummary": item.summary,
                "HistoryData": item.data,
            }
            for alarm in self._alarms
            if _type(alarm) in types and name in (None, alarm.name)
            for item in alarm.history
            if kind in (None, item.kind) and since_ms <= item.at_ms <= until_ms
        ]
        found.sort(key=lambda item: item["Timestamp"])
        if params.get("ScanBy", "TimestampDescending") == "TimestampDescending":
            found.reverse()
        page, token = _page(found, params)
        return {"AlarmHistoryItems": page, **token}

    # Tags

    def _tags(self, params: Params) -> dict[str, Json]:
        tags = self._by_arn(params["ResourceARN"]).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tag(self, params: Params) -> dict[str, Json]:
        tags = self._by_arn(params["ResourceARN"]).tags
        tags.update({tag["Key"]: tag["Value"] for tag in params["Tags"]})
        return {}

    def _untag(self, params: Params) -> dict[str, Json]:
        tags = self._by_arn(params["ResourceARN"]).tags
        for key in params["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _by_arn(self, arn: str) -> Alarm:
        alarm = self._alarms.find(arn.split(":alarm:", 1)[-1])
        if alarm is None or alarm.arn != arn:
            raise ApiError("ResourceNotFoundException", f"{arn} does not exist", 404)
        return alarm

    def _found(self, name: str) -> Alarm:
        alarm = self._alarms.find(name)
        if alarm is None:
            raise ApiError("ResourceNotFound", f"Alarm {name} does not exist", 404)
        return alarm


def _type(alarm: Alarm) -> str:
    return "MetricAlarm" if isinstance(alarm, MetricWatch) else "CompositeAlarm"


def _page(found: list[Json], params: Params) -> tuple[list[Json], dict[str, Json]]:
    text = params.get("NextToken") or "0"
    if not text.isdecimal():
        raise ApiError("InvalidNextToken", "The next token is invalid.")
    start = int(text)
    end = start + int(params.get("MaxRecords", _DESCRIBED_MAX))
    return found[start:end], {"NextToken": str(end)} if end < len(found) else {}


def _described(alarm: Alarm) -> dict[str, Json]:
    state, actions = alarm.state, alarm.notices.actions
    described = alarm.notices.description
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        **({"AlarmDescription": described} if described is not None else {}),
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_ms / 1000,
        "ActionsEnabled": alarm.actions_enabled,
        "OKActions": list(actions["OK"]),
        "AlarmActions": list(actions["ALARM"]),
        "InsufficientDataActions": list(actions["INSUFFICIENT_DATA"]),
        "StateValue": state.value,
        "StateReason": state.reason,
        **({"StateReasonData": state.reason_data} if state.reason_data else {}),
        "StateUpdatedTimestamp": state.at_ms / 1000,
        "StateTransitionedTimestamp": state.at_ms / 1000,
    }


def _metric(alarm: MetricWatch) -> dict[str, Json]:
    properties: Mapping[str, Json] = alarm.properties
    definition = alarm.definition
    given = {name: properties[name] for name in _AS_GIVEN if name in properties}
    single = {"Period": definition.period_ms // 1000} if "Metrics" not in properties else {}
    least = properties.get("DatapointsToAlarm")
    return {
        **_described(alarm),
        **({"Dimensions": []} if single else {}),
        **given,
        **single,
        "EvaluationPeriods": definition.evaluation_periods,
        **({"DatapointsToAlarm": definition.datapoints_to_alarm} if least is not None else {}),
        "Threshold": definition.threshold,
    }


def _composite(alarm: CompositeWatch) -> dict[str, Json]:
    return {**_described(alarm), "AlarmRule": alarm.rule.text}
