"""Alarms: something waits for a person. Where they ring (a topic, a pager) is the account's."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn


def alarm_on_messages(queue: sqs.Queue) -> None:
    """A dead-letter queue that is not empty."""
    queue.metric_approximate_number_of_messages_visible(
        period=cdk.Duration.minutes(5), statistic="Maximum"
    ).create_alarm(
        queue,
        "NotEmpty",
        alarm_description=f"{queue.node.id} holds messages that need a person",
        threshold=1,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def alarm_on_failures(machine: sfn.StateMachine) -> None:
    """A machine whose runs do not succeed."""
    metrics = {
        "Failed": machine.metric_failed(),
        "TimedOut": machine.metric_timed_out(),
        "Aborted": machine.metric_aborted(),
    }
    for outcome, metric in metrics.items():
        metric.create_alarm(
            machine,
            outcome,
            alarm_description=f"Runs of {machine.node.id} end as {outcome}",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
