"""Why an alarm is in its state, in CloudWatch's words.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

from datetime import UTC, datetime

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.triggers.alarm_definitions import MetricAlarm
from sfnlocal.triggers.alarm_state import Point, State, Verdict

_COMPARED = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanOrEqualToThreshold": "less than or equal to",
    "LessThanThreshold": "less than",
}
_FILLED_AS = {"breaching": "Breaching", "notBreaching": "NonBreaching"}
_LISTED_INLINE_MAX = 4


def timestamp(at_ms: int) -> str:
    """As CloudWatch writes it in its messages."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}+0000"


def reason(alarm: MetricAlarm, verdict: Verdict, state: State, at_ms: int) -> str:
    if state == "INSUFFICIENT_DATA":
        unknown = _counted(verdict.filled, "datapoint")
        return f"Insufficient Data: {unknown} {_was(verdict.filled)} unknown."
    if not verdict.points:
        periods = _counted(alarm.evaluation_periods, "period")
        start = f"Threshold Crossed: no datapoints were received for {periods} and"
        return f"{start} {_filled(alarm, verdict.filled)}."
    in_alarm = state == "ALARM"
    told = [point for point in verdict.points if alarm.breaches(point.value) == in_alarm]
    if not told:  # what is missing has decided
        told = list(verdict.points)
    compared = f"{_COMPARED[alarm.comparison]} the threshold ({_number(alarm.threshold)})"
    negated = "" if alarm.breaches(told[0].value) else "not "
    points = ", ".join(_point(alarm, point, at_ms) for point in told)
    crossed = f"{_was(len(told))} {negated}{compared}"
    if verdict.filled:
        missing = f" and {_filled(alarm, verdict.filled)}" if alarm.treatment in _FILLED_AS else ""
        return (
            f"Threshold Crossed: {_counted(len(told), 'datapoint')} [{points}] {crossed}{missing}."
        )
    of_all = f"{len(told)} out of the last {len(verdict.points)} datapoints"
    minimum = alarm.datapoints_to_alarm
    if not in_alarm:
        minimum = alarm.evaluation_periods - minimum + 1
    change = "OK -> ALARM" if in_alarm else "ALARM -> OK"
    least = f"(minimum {_counted(minimum, 'datapoint')} for {change} transition)"
    if len(told) > _LISTED_INLINE_MAX:
        recent = f"The most recent datapoints which crossed the threshold: [{points}]"
        return f"Threshold Crossed: {of_all} {crossed}. {recent} {least}."
    return f"Threshold Crossed: {of_all} [{points}] {crossed} {least}."


def reason_data(alarm: MetricAlarm, verdict: Verdict, at_ms: int) -> str:
    """JSON text."""
    data: dict[str, Json] = {"version": "1.0", "queryDate": timestamp(at_ms)}
    if verdict.points:
        data["startDate"] = timestamp(_start_ms(alarm, verdict.points[-1], at_ms))
    stat = alarm.watched.stat
    if stat is not None:
        data["statistic"] = stat.stat
        if stat.unit is not None:
            data["unit"] = stat.unit
    data["period"] = alarm.period_ms // 1000
    data["recentDatapoints"] = [float(point.value) for point in reversed(verdict.points)]
    data["threshold"] = alarm.threshold
    data["evaluatedDatapoints"] = [
        {"timestamp": timestamp(_start_ms(alarm, point, at_ms)), "value": float(point.value)}
        for point in verdict.points
    ]
    return json_text(data)


def _start_ms(alarm: MetricAlarm, point: Point, at_ms: int) -> int:
    return at_ms - point.age * alarm.period_ms


def _point(alarm: MetricAlarm, point: Point, at_ms: int) -> str:
    moment = datetime.fromtimestamp(_start_ms(alarm, point, at_ms) / 1000, UTC)
    return f"{_number(point.value)} ({moment:%d/%m/%y %H:%M:%S})"


def _number(value: float) -> str:
    return repr(float(value))


def _filled(alarm: MetricAlarm, count: int) -> str:
    treated = _FILLED_AS[alarm.treatment]
    return f"{_counted(count, 'missing datapoint')} {_was(count)} treated as [{treated}]"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
