"""Whether a new version may go on: what CloudWatch is asked, and what follows from the answers.

An alarm counts that rings, and one that has rung since the upgrade began: between two looks it may
have come and gone. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.retry_policy import CLOUDWATCH_SDK_FAULTS, TIME_OUTS, retry
from workflows.upgrade_request import ALARMS_MAX

TIME_OUT = timeout(30)
HISTORY_ITEMS_MAX = 100

# Refusals are errors too, and both versions have their share of them.
UNHEALTHY = """$count($ringing) > 0 or $count($rang) > 0
    or $newErrorPercent > $liveErrorPercent + $request.errorPointsMax"""

# What was seen of a step, at its end.
CHECKED = """[$append($checks, $merge([
    {'percent': $steps[$step], 'ringing': $append($ringing, $rang)}, $counted
    ]))]"""
WHY_BACK = """(
    $failed ? 'the upgrade failed: ' & $failure.error
    : $count($ringing) > 0 ? 'these alarms ring: ' & $join($ringing, ', ')
    : $count($rang) > 0 ? 'these alarms have rung since it began: ' & $join($rang, ', ')
    : 'the new version fails ' & $string($round($newErrorPercent, 1)) & ' % of its calls, the live '
        & 'one ' & $string($round($liveErrorPercent, 1)) & ' %'
    )"""

ALARMS_PROBLEM = """(
    $found := $states.result.MetricAlarms;
    $missing := $request.alarms[$not($ in $found.AlarmName)];
    $ringing := $found[AlarmName in $request.alarms and StateValue = 'ALARM'];
    $count($missing) > 0
        ? 'there is no alarm ' & $join($missing, ', ')
        : $count($ringing) > 0
        ? 'these alarms ring already: ' & $join($ringing.AlarmName, ', ')
        : ''
    )"""
RINGING = """[$states.result.MetricAlarms[
    AlarmName in $request.alarms and StateValue = 'ALARM'
    ].AlarmName]"""
# Their state has changed since, and who they were in between is in their history.
MOVED = """[$states.result.MetricAlarms[
    AlarmName in $request.alarms and StateValue != 'ALARM'
    and $toMillis(StateTransitionedTimestamp) >= $toMillis($quietSince)
    ].AlarmName]"""


def describe_alarms(
    scope: Construct, state: str, assign: Mapping[str, Any]
) -> tasks.CallAwsService:
    """No names would be all alarms: the answer is filtered by them."""
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="cloudwatch",
        action="describeAlarms",
        iam_action="cloudwatch:DescribeAlarms",
        iam_resources=["*"],
        parameters={
            "AlarmNames": jsonata("$request.alarms"),
            "AlarmTypes": ["MetricAlarm"],
            "MaxRecords": ALARMS_MAX,
        },
        task_timeout=TIME_OUT,
        assign=assign,
    )
    retry(task, CLOUDWATCH_SDK_FAULTS, TIME_OUTS)
    return task


def read_alarm_history(scope: Construct, state: str) -> tasks.CallAwsService:
    """Of the alarm that is the state's input: its output is the name where it has rung since
    `$quietSince`, else null."""
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="cloudwatch",
        action="describeAlarmHistory",
        iam_action="cloudwatch:DescribeAlarmHistory",
        iam_resources=["*"],
        parameters={
            "AlarmName": jsonata("$states.input"),
            "HistoryItemType": "StateUpdate",
            "StartDate": jsonata("$quietSince"),
            "EndDate": jsonata("$now()"),
            "MaxRecords": HISTORY_ITEMS_MAX,
        },
        task_timeout=TIME_OUT,
        outputs=jsonata(
            "$count($states.result.AlarmHistoryItems[$contains(HistorySummary, 'to ALARM')]) > 0"
            " ? $states.input : null"
        ),
    )
    retry(task, CLOUDWATCH_SDK_FAULTS, TIME_OUTS)
    return task


def percent_of(which: str) -> str:
    calls = f"$counted.{which}Calls"
    return f"({calls} = 0 ? 0 : 100 * $counted.{which}Errors / {calls})"


def count_errors(scope: Construct, state: str) -> tasks.CallAwsService:
    """Of both versions of a function since `$since`: assigns `counted` {newCalls, newErrors,
    liveCalls, liveErrors}. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    queries = {
        f"{which}{name}": _metric(metric, f"${which}Version")
        for which in ("new", "live")
        for name, metric in (("Calls", "Invocations"), ("Errors", "Errors"))
    }
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="cloudwatch",
        action="getMetricData",
        iam_action="cloudwatch:GetMetricData",
        iam_resources=["*"],
        parameters={
            "StartTime": jsonata("$since"),
            "EndTime": jsonata("$now()"),
            "MetricDataQueries": [{"Id": name, **query} for name, query in queries.items()],
        },
        task_timeout=TIME_OUT,
        assign={
            "counted": jsonata(
                f"""(
                $results := $states.result.MetricDataResults;
                $merge({list(queries)}.(
                    $id := $;
                    {{$id: $sum([0, $results[Id = $id].Values])}}
                ))
                )"""
            )
        },
    )
    retry(task, CLOUDWATCH_SDK_FAULTS, TIME_OUTS)
    return task


def _metric(metric: str, version: str) -> dict[str, Any]:
    dimensions = {
        "FunctionName": jsonata("$target.function"),
        "Resource": jsonata("$target.function & ':' & $target.alias"),
        "ExecutedVersion": jsonata(version),
    }
    return {
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": at} for name, at in dimensions.items()],
            },
            "Period": 60,
            "Stat": "Sum",
        }
    }
