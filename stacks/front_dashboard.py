"""The front of a workflow at a glance: what callers ask and hear, and what waits to be started.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from stacks.dashboard_body import Dashboard, Line, Widget, graph, line
from stacks.http_front import BufferedStart
from stacks.metrics import of_api, of_function, of_queue
from workflows.function import ThinFunction

WIDTH = 8


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
        api_id = api.api.api_id
        Dashboard(
            self,
            "Dashboard",
            dashboard_name=cdk.Stack.of(self).stack_name,
            start="P1D",
            rows=[
                [
                    _graph(
                        "Requests",
                        line(of_api(api_id, "Count"), "all"),
                        line(of_api(api_id, "4xx"), "4xx"),
                        line(of_api(api_id, "5xx"), "5xx"),
                    ),
                    _graph(
                        "Time of an answer, in ms",
                        *(
                            line(of_api(api_id, "Latency", statistic), statistic)
                            for statistic in ("p50", "p95")
                        ),
                    ),
                    _graph(
                        "Functions: duration, p95",
                        *(
                            line(of_function(thin, "Duration", "p95"), thin.name)
                            for thin in functions
                        ),
                    ),
                ],
                [
                    _graph(
                        "To be started",
                        *(
                            line(of_queue(queue, "ApproximateNumberOfMessagesVisible"), queue.name)
                            for queue in (buffer.queue, buffer.dead)
                        ),
                    ),
                    _graph(
                        "Age of the oldest, in seconds",
                        line(of_queue(buffer.queue, "ApproximateAgeOfOldestMessage")),
                    ),
                    _graph(
                        "Starts",
                        line(of_function(buffer.function, "Invocations"), "calls"),
                        line(of_function(buffer.function, "Errors"), "failed"),
                    ),
                ],
            ],
        )


def _graph(name: str, *lines: Line) -> Widget:
    return graph(name, lines, width=WIDTH)
