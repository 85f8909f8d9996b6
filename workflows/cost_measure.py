"""What targets have cost in the last window, against a budget and against the usual.

One call counts all targets, so that a run that finds nothing is cheap. The usual is the highest
count of the quarters of an hour at the same time on the seven days before; where these have none,
the budget alone says. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.cost_target import CostTarget
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_INPUT, jsonata
from workflows.retry_policy import CLOUDWATCH_SDK_FAULTS, TIME_OUTS, retry

WINDOW_MINUTES = 15
UNUSUAL_FACTOR = 5
TIME_OUT = timeout(30)

MINUTE_MS = 60_000
DAY_MS = 86_400_000
QUARTER_MS = 900_000
DAYS = 7

# Whole minutes, of which metrics consist.
WINDOW_END_MS = f"($millis() - $millis() % {MINUTE_MS})"
WINDOW_START_MS = f"({WINDOW_END_MS} - {WINDOW_MINUTES * MINUTE_MS})"
# The quarter of an hour in which the window begins.
QUARTER = f"($windowStart - $windowStart % {QUARTER_MS})"


def read_counts(
    scope: Construct, state: str, targets: Sequence[CostTarget]
) -> tasks.CallAwsService:
    """Assigns `queue`: the targets that are worth another look, each with `starts`, `transitions`
    and the `budget` that holds for this run."""
    queries = [
        {
            "Id": f"t{number}",
            "MetricStat": {"Metric": target.metric(), "Period": 60, "Stat": "Sum"},
        }
        for number, target in enumerate(targets)
    ]
    return _read_metrics(
        scope,
        state,
        {
            "StartTime": jsonata("$fromMillis($windowStart)"),
            "EndTime": jsonata("$fromMillis($windowEnd)"),
            "MetricDataQueries": queries,
        },
        {
            "queue": jsonata(
                f"""(
                $results := $states.result.MetricDataResults;
                $counted := $map($targets, function($target, $number) {{(
                    $starts := $sum($append([0], $results[Id = 't' & $number].Values));
                    $merge([$target, {{
                        'starts': $starts,
                        'transitions': $starts * $target.transitionsEach,
                        'budget': $merge([$target.budget,
                            $lookup({EXECUTION_INPUT}.budgets, $target.name)])
                    }}])
                )}});
                [$counted[starts >= noticeFrom or starts > budget.starts
                    or (transitionsEach > 0 and transitions > budget.transitions)]]
                )"""
            )
        },
    )


def read_usual(scope: Construct, state: str) -> tasks.CallAwsService:
    """Assigns `usual`, the starts of `$target` in such a window, or null."""
    return _read_metrics(
        scope,
        state,
        {
            "StartTime": jsonata(f"$fromMillis({QUARTER} - {DAYS * DAY_MS})"),
            "EndTime": jsonata(f"$fromMillis({QUARTER} - {DAY_MS} + {2 * QUARTER_MS})"),
            "MetricDataQueries": [
                {
                    "Id": "usual",
                    "MetricStat": {
                        "Metric": jsonata("$target.metric"),
                        "Period": QUARTER_MS // 1000,
                        "Stat": "Sum",
                    },
                }
            ],
        },
        {
            "usual": jsonata(
                f"""(
                $result := $states.result.MetricDataResults[0];
                $values := [$result.Values];
                $then := $map([$result.Timestamps], function($at, $number) {{(
                    $gap := ({QUARTER} - $toMillis($at)) % {DAY_MS};
                    $gap = 0 or $gap = {DAY_MS - QUARTER_MS} ? $values[$number]
                )}});
                $count($then) > 0 ? $max($then) : null
                )"""
            )
        },
    )


# Why `$target` is to be stopped; empty where it is not.
WHY = f"""(
    $of := ' in {WINDOW_MINUTES} minutes, ';
    $join([
        $target.starts > $target.budget.starts
            ? $target.starts & ' ' & $target.unit & $of & 'and the budget is '
                & $target.budget.starts,
        $target.transitionsEach > 0 and $target.transitions > $target.budget.transitions
            ? $target.transitions & ' state transitions' & $of & 'and the budget is '
                & $target.budget.transitions,
        $usual != null and $target.starts >= $target.noticeFrom
            and $target.starts > {UNUSUAL_FACTOR} * $usual
            ? $target.starts & ' ' & $target.unit & $of & 'and usual at this time are at most '
                & $usual
    ], '; ')
    )"""


def _read_metrics(
    scope: Construct, state: str, parameters: Mapping[str, Any], assign: Mapping[str, Any]
) -> tasks.CallAwsService:
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="cloudwatch",
        action="getMetricData",
        iam_action="cloudwatch:GetMetricData",
        iam_resources=["*"],
        parameters=parameters,
        task_timeout=TIME_OUT,
        assign=assign,
    )
    retry(task, CLOUDWATCH_SDK_FAULTS, TIME_OUTS)
    return task
