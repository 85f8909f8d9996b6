"""The front of a workflow at a glance: what callers ask and hear, and what waits to be started.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.http_front import BufferedStart
from workflows.function import ThinFunction

PERIOD = cdk.Duration.minutes(5)
WIDTH = 8
HEIGHT = 7


class FrontDashboard(Construct):
    """`functions` are those that answer the routes of `api`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: apigateway.HttpStage,
        buffer: BufferedStart,
        functions: Sequence[ThinFunction],
    ) -> None:
        super().__init__(scope, construct_id)
        started = buffer.function.function
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=cdk.Stack.of(self).stack_name,
            default_interval=cdk.Duration.days(1),
            widgets=[
                [
                    _graph(
                        "Requests",
                        api.metric_count(period=PERIOD, statistic="Sum", label="all"),
                        api.metric_client_error(period=PERIOD, statistic="Sum", label="4xx"),
                        api.metric_server_error(period=PERIOD, statistic="Sum", label="5xx"),
                    ),
                    _graph(
                        "Time of an answer, in ms",
                        *(
                            api.metric_latency(period=PERIOD, statistic=statistic, label=statistic)
                            for statistic in ("p50", "p95")
                        ),
                    ),
                    _graph(
                        "Functions: duration, p95",
                        *(
                            thin.function.metric_duration(
                                period=PERIOD, statistic="p95", label=thin.name
                            )
                            for thin in functions
                        ),
                    ),
                ],
                [
                    _graph(
                        "To be started",
                        *(
                            queue.metric_approximate_number_of_messages_visible(
                                period=PERIOD, statistic="Maximum", label=queue.name
                            )
                            for queue in (buffer.queue, buffer.dead)
                        ),
                    ),
                    _graph(
                        "Age of the oldest, in seconds",
                        buffer.queue.metric_approximate_age_of_oldest_message(
                            period=PERIOD, statistic="Maximum"
                        ),
                    ),
                    _graph(
                        "Starts",
                        started.metric_invocations(period=PERIOD, label="calls"),
                        started.metric_errors(period=PERIOD, label="failed"),
                    ),
                ],
            ],
        )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH, height=HEIGHT)
