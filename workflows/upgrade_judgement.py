"""Whether a new version may go on: what CloudWatch is asked, and what follows from the answers."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.jsonata import jsonata
from workflows.retry_policy import CLOUDWATCH_SDK_FAULTS, TIME_OUTS, retry
from workflows.upgrade_request import ALARMS_MAX
from workflows.upgrade_target import FUNCTION

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))

# Refusals are errors too, and both versions have their share of them.
UNHEALTHY = "$count($ringing) > 0 or $newErrorPercent > $liveErrorPercent + $request.errorPointsMax"


# What was seen of a step, at its end.
CHECKED = """[$append($checks, $merge([
    {'percent': $steps[$step], 'ringing': $ringing}, $counted
    ]))]"""
WHY_BACK = """(
    $failed ? 'the upgrade failed: ' & $failure.error
    : $count($ringing) > 0 ? 'these alarms ring: ' & $join($ringing, ', ')
    : 'the new version fails ' & $string($round($newErrorPercent, 1)) & ' % of its calls, the live '
        & 'one ' & $string($round($liveErrorPercent, 1)) & ' %'
    )"""


def describe_alarms(scope: Construct, state: str, assign: dict[str, str]) -> tasks.CallAwsService:
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


def is_true(expression: str) -> sfn.Condition:
    return sfn.Condition.jsonata(jsonata(expression))


def percent_of(which: str) -> str:
    calls = f"$counted.{which}Calls"
    return f"({calls} = 0 ? 0 : 100 * $counted.{which}Errors / {calls})"


def same_alias(other: str) -> str:
    return (
        f"$alias.version = {other}.version and $string($alias.weights) = $string({other}.weights)"
    )


IS_FUNCTION = is_true(f"$target.kind = '{FUNCTION}'")
