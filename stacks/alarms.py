"""Alarms: something waits for a person. Where they ring (a topic, a pager) is the account's."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from workflows.function import ThinFunction
from workflows.machine import Machine
from workflows.queue import Queue
from workflows.upgrade_target import alias_of

PERIOD = cdk.Duration.minutes(5)

# A letter is kept for 14 days: whoever hears of it after a week still has one.
LETTER_AGE_DAYS_MAX = 7

# Ten that are still there after a quarter of an hour were not just on their way.
BACKLOG_MESSAGES_MAX = 10
BACKLOG_PERIODS = 3

# One call that failed is tried again by its machine, and a refusal (sold out, card declined) is an
# error too. When most calls fail for a quarter of an hour, it is neither.
ERRORS_PERCENT_MAX = 50
ERRORS_PERIODS = 3
# Share of the time-out that a call may take.
DURATION_PERCENT_MAX = 80
# Functions share the account's 1,000: one that takes a fifth of them starves others.
CONCURRENCY_MAX = 200


def alarm_on_messages(queue: Queue) -> None:
    """A dead-letter queue that is not empty, and one whose messages nobody has looked at."""
    name = queue.name
    _alarm(
        queue,
        "NotEmpty",
        metric=queue.metric_approximate_number_of_messages_visible(
            period=PERIOD, statistic="Maximum"
        ),
        threshold=1,
        description=f"{name} holds messages that need a person",
    )
    _alarm(
        queue,
        "Old",
        metric=queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum"),
        threshold=LETTER_AGE_DAYS_MAX * 86_400,
        description=f"A message in {name} will be lost in a few days",
    )


def alarm_on_backlog(queue: Queue) -> None:
    """A queue that is not emptied. Its oldest message's age would not tell: SQS leaves out what
    was received more than three times, which is what waits here.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    waiting = {
        "visible": queue.metric_approximate_number_of_messages_visible(
            period=PERIOD, statistic="Minimum"
        ),
        "hidden": queue.metric_approximate_number_of_messages_not_visible(
            period=PERIOD, statistic="Minimum"
        ),
    }
    _alarm(
        queue,
        "Backlog",
        metric=cloudwatch.MathExpression(
            expression="visible + hidden",
            using_metrics=waiting,
            period=PERIOD,
            label=f"{queue.name}: messages",
        ),
        threshold=BACKLOG_MESSAGES_MAX,
        periods=BACKLOG_PERIODS,
        description=f"Messages pile up in {queue.name}",
    )


def alarm_on_api(stage: apigateway.HttpStage) -> None:
    """An HTTP API that answers with faults of its own."""
    _alarm(
        stage,
        "ServerErrors",
        metric=stage.metric_server_error(period=PERIOD, statistic="Sum"),
        threshold=1,
        description=f"{stage.node.path} answers with 5xx",
    )


def alarm_on_schedules(group: scheduler.ScheduleGroup) -> None:
    """Schedules that could not reach their target, whether their dead-letter queue heard of it or
    not: those that delete themselves leave no other trace."""
    _alarm(
        group,
        "Dropped",
        metric=group.metric_dropped(period=PERIOD, statistic="Sum"),
        threshold=1,
        description=f"A schedule of {group.node.path} did not reach its target",
    )


def alarm_on_machine(machine: Machine, *, slow_after: cdk.Duration) -> None:
    """A machine whose runs do not succeed, cannot go on, or take longer than they ever should.
    Express runs cannot be stopped, and no limit makes them wait.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    name = machine.name
    outcomes = {
        "Failed": machine.metric_failed(period=PERIOD),
        "TimedOut": machine.metric_timed_out(period=PERIOD),
    }
    if not machine.is_express:
        outcomes["Aborted"] = machine.metric_aborted(period=PERIOD)
        _alarm(
            machine,
            "Throttled",
            metric=machine.metric_throttled(period=PERIOD),
            threshold=1,
            description=f"Runs or states of {name} have to wait for a limit of the account",
        )
    for outcome, metric in outcomes.items():
        _alarm(
            machine,
            outcome,
            metric=metric,
            threshold=1,
            description=f"Runs of {name} end as {outcome}",
        )
    limit = slow_after.to_human_string()
    _alarm(
        machine,
        "Slow",
        metric=machine.metric_time(period=PERIOD, statistic="p95"),
        threshold=slow_after.to_milliseconds(),
        description=f"A run in 20 of {name} takes more than {limit}",
    )


def alarm_on_live(scope: Construct, thin: ThinFunction) -> cloudwatch.Alarm:
    """Most calls through a function's alias fail, in two minutes of five: what starts a heal. An
    alarm rings once, so one that refusals kept ringing would hear nothing more."""
    alias = alias_of(thin)
    period = cdk.Duration.minutes(1)
    return cloudwatch.Alarm(
        scope,
        f"{thin.name}Faulty",
        metric=cloudwatch.MathExpression(
            expression="100 * errors / calls",
            using_metrics={
                "errors": alias.metric_errors(period=period),
                "calls": alias.metric_invocations(period=period),
            },
            period=period,
            label=f"{thin.name}: calls through its alias that failed, in percent",
        ),
        threshold=ERRORS_PERCENT_MAX,
        evaluation_periods=5,
        datapoints_to_alarm=2,
        alarm_description=f"What is live of {thin.name} fails",
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def alarm_on_functions(stack: cdk.Stack) -> None:
    """Every function of the stack."""
    for construct in stack.node.find_all():
        if isinstance(construct, ThinFunction):
            _alarm_on_function(construct)


def _alarm_on_function(thin: ThinFunction) -> None:
    name = thin.name
    calls = thin.function.metric_invocations(period=PERIOD)
    errors = thin.function.metric_errors(period=PERIOD)
    _alarm(
        thin,
        "Failing",
        metric=cloudwatch.MathExpression(
            expression="100 * errors / calls",
            using_metrics={"errors": errors, "calls": calls},
            period=PERIOD,
            label=f"{name}: calls that failed, in percent",
        ),
        threshold=ERRORS_PERCENT_MAX,
        periods=ERRORS_PERIODS,
        description=f"Most calls of {name} fail",
    )
    _alarm(
        thin,
        "NearTimeOut",
        metric=thin.function.metric_duration(period=PERIOD, statistic="Maximum"),
        threshold=thin.timeout_seconds * 1000 * DURATION_PERCENT_MAX / 100,
        description=f"A call of {name} took {DURATION_PERCENT_MAX} % of its time-out",
    )
    _alarm(
        thin,
        "Throttled",
        metric=thin.function.metric_throttles(period=PERIOD),
        threshold=1,
        description=f"Calls of {name} are refused for lack of concurrency",
    )
    _alarm(
        thin,
        "Concurrent",
        metric=thin.function.metric("ConcurrentExecutions", period=PERIOD, statistic="Maximum"),
        threshold=CONCURRENCY_MAX,
        description=f"{name} takes a fifth of the account's concurrency",
    )


def _alarm(
    scope: Construct,
    construct_id: str,
    *,
    metric: cloudwatch.IMetric,
    threshold: float,
    description: str,
    periods: int = 1,
) -> None:
    cloudwatch.Alarm(
        scope,
        construct_id,
        metric=metric,
        threshold=threshold,
        evaluation_periods=periods,
        alarm_description=description,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
