"""Alarms: something waits for a person. Where they ring (a topic, a pager) is the account's."""

from __future__ import annotations

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from stacks.metric_alarm import alarm
from stacks.metrics import Expression, Metric, of_api, of_function, of_machine, of_queue
from workflows.function import ThinFunction
from workflows.machine import Machine
from workflows.queue import Queue
from workflows.upgrade_target import alias_of

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
    alarm(
        queue,
        "NotEmpty",
        of_queue(queue, "ApproximateNumberOfMessagesVisible"),
        threshold=1,
        description=f"{queue.name} holds messages that need a person",
    )
    alarm(
        queue,
        "Old",
        of_queue(queue, "ApproximateAgeOfOldestMessage"),
        threshold=LETTER_AGE_DAYS_MAX * 86_400,
        description=f"A message in {queue.name} will be lost in a few days",
    )


def alarm_on_backlog(queue: Queue) -> None:
    """A queue that is not emptied. Its oldest message's age would not tell: SQS leaves out what
    was received more than three times, which is what waits here.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    alarm(
        queue,
        "Backlog",
        Expression(
            f"{queue.name}: messages",
            "visible + hidden",
            {
                "visible": of_queue(queue, "ApproximateNumberOfMessagesVisible", "Minimum"),
                "hidden": of_queue(queue, "ApproximateNumberOfMessagesNotVisible", "Minimum"),
            },
        ),
        threshold=BACKLOG_MESSAGES_MAX,
        periods=BACKLOG_PERIODS,
        description=f"Messages pile up in {queue.name}",
    )


def alarm_on_api(stage: apigateway.HttpStage) -> None:
    """An HTTP API that answers with faults of its own."""
    alarm(
        stage,
        "ServerErrors",
        of_api(stage.api.api_id, "5xx"),
        threshold=1,
        description=f"{stage.node.path} answers with 5xx",
    )


def alarm_on_schedules(group: scheduler.ScheduleGroup) -> None:
    """Schedules that could not reach their target, whether their dead-letter queue heard of it or
    not: those that delete themselves leave no other trace."""
    alarm(
        group,
        "Dropped",
        Metric(
            "AWS/Scheduler",
            "InvocationDroppedCount",
            {"ScheduleGroup": group.schedule_group_name},
        ),
        threshold=1,
        description=f"A schedule of {group.node.path} did not reach its target",
    )


def alarm_on_machine(machine: Machine, *, slow_after: timedelta) -> None:
    """A machine whose runs do not succeed, cannot go on, or take longer than they ever should.
    Express runs cannot be stopped, and no limit makes them wait.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    name = machine.name
    outcomes = ["Failed", "TimedOut"]
    if not machine.is_express:
        outcomes.append("Aborted")
        alarm(
            machine,
            "Throttled",
            of_machine(machine, "ExecutionThrottled"),
            threshold=1,
            description=f"Runs or states of {name} have to wait for a limit of the account",
        )
    for outcome in outcomes:
        alarm(
            machine,
            outcome,
            of_machine(machine, f"Executions{outcome}"),
            threshold=1,
            description=f"Runs of {name} end as {outcome}",
        )
    alarm(
        machine,
        "Slow",
        of_machine(machine, "ExecutionTime", "p95"),
        threshold=slow_after // timedelta(milliseconds=1),
        description=f"A run in 20 of {name} takes more than {_in_words(slow_after)}",
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
    alarm(
        thin,
        "Failing",
        Expression(
            f"{name}: calls that failed, in percent",
            "100 * errors / calls",
            {"errors": of_function(thin, "Errors"), "calls": of_function(thin, "Invocations")},
        ),
        threshold=ERRORS_PERCENT_MAX,
        periods=ERRORS_PERIODS,
        description=f"Most calls of {name} fail",
    )
    alarm(
        thin,
        "NearTimeOut",
        of_function(thin, "Duration", "Maximum"),
        threshold=thin.timeout_seconds * 1000 * DURATION_PERCENT_MAX / 100,
        description=f"A call of {name} took {DURATION_PERCENT_MAX} % of its time-out",
    )
    alarm(
        thin,
        "Throttled",
        of_function(thin, "Throttles"),
        threshold=1,
        description=f"Calls of {name} are refused for lack of concurrency",
    )
    alarm(
        thin,
        "Concurrent",
        of_function(thin, "ConcurrentExecutions", "Maximum"),
        threshold=CONCURRENCY_MAX,
        description=f"{name} takes a fifth of the account's concurrency",
    )


def _in_words(duration: timedelta) -> str:
    """Such as "1 hour 30 minutes"."""
    words: list[str] = []
    rest = duration
    for unit in ("day", "hour", "minute", "second"):
        count, rest = divmod(rest, timedelta(**{f"{unit}s": 1}))
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(words)
