"""The pushed queue at a glance: how far jobs are, what waits, how much goes on at once."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from workflows.function import ThinFunction
from workflows.queue import Queue

PERIOD = cdk.Duration.minutes(1)
WIDTH = 8
HEIGHT = 7


class QueueDashboard(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queue: Queue,
        dead: Queue,
        consumer: ThinFunction,
        namespace: str,
        concurrency_max: int,
    ) -> None:
        super().__init__(scope, construct_id)
        function = consumer.function
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{cdk.Stack.of(self).stack_name}-queue",
            default_interval=cdk.Duration.hours(3),
            widgets=[
                [
                    _graph("Lines done", _counted(namespace, "LinesScored", "LinesRefused")),
                    _graph(
                        "Messages",
                        [
                            queue.metric_approximate_number_of_messages_visible(
                                period=PERIOD, label="waiting"
                            ),
                            queue.metric_approximate_number_of_messages_not_visible(
                                period=PERIOD, label="being scored, or to be tried again"
                            ),
                            dead.metric_approximate_number_of_messages_visible(
                                period=PERIOD, label="dead letters"
                            ),
                        ],
                    ),
                    _graph(
                        f"Calls at once, of {concurrency_max}",
                        [
                            function.metric(
                                "ConcurrentExecutions", period=PERIOD, statistic="Maximum"
                            )
                        ],
                    ),
                ],
                [
                    _graph(
                        "Age of the oldest message, in seconds",
                        [
                            queue.metric_approximate_age_of_oldest_message(
                                period=PERIOD, statistic="Maximum"
                            )
                        ],
                    ),
                    _graph(
                        "Time of a message, in ms",
                        [
                            function.metric_duration(period=PERIOD, statistic=statistic)
                            for statistic in ("p50", "p95")
                        ],
                    ),
                    _graph(
                        "What failed",
                        [
                            *_counted(namespace, "MessagesFailed"),
                            function.metric_errors(period=PERIOD, label="calls"),
                        ],
                    ),
                ],
            ],
        )


def _counted(namespace: str, *names: str) -> list[cloudwatch.IMetric]:
    return [
        cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"service": "micro-batch"},
            period=PERIOD,
            statistic="Sum",
        )
        for name in names
    ]


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=WIDTH, height=HEIGHT)
