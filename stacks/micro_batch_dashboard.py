"""The pushed queue at a glance: how far jobs are, what waits, how much goes on at once."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from stacks.dashboard_body import Dashboard, Line, Widget, graph, line
from stacks.metrics import Metric, of_function, of_queue
from workflows.function import ThinFunction
from workflows.queue import Queue

PERIOD_SECONDS = 60
WIDTH = 8


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
        visible, hidden = (
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
        )
        Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{cdk.Stack.of(self).stack_name}-queue",
            start="PT3H",
            rows=[
                [
                    _graph(
                        "Lines done",
                        _line(_counted(namespace, "LinesScored")),
                        _line(_counted(namespace, "LinesRefused")),
                    ),
                    _graph(
                        "Messages",
                        _line(of_queue(queue, visible), "waiting"),
                        _line(of_queue(queue, hidden), "being scored, or to be tried again"),
                        _line(of_queue(dead, visible), "dead letters"),
                    ),
                    _graph(
                        f"Calls at once, of {concurrency_max}",
                        _line(of_function(consumer, "ConcurrentExecutions", "Maximum")),
                    ),
                ],
                [
                    _graph(
                        "Age of the oldest message, in seconds",
                        _line(of_queue(queue, "ApproximateAgeOfOldestMessage")),
                    ),
                    _graph(
                        "Time of a message, in ms",
                        _line(of_function(consumer, "Duration", "p50")),
                        _line(of_function(consumer, "Duration", "p95")),
                    ),
                    _graph(
                        "What failed",
                        _line(_counted(namespace, "MessagesFailed")),
                        _line(of_function(consumer, "Errors"), "calls"),
                    ),
                ],
            ],
        )


def _counted(namespace: str, name: str) -> Metric:
    return Metric(namespace, name, {"service": "micro-batch"})


def _line(metric: Metric, label: str | None = None) -> Line:
    return line(metric, label, period_seconds=PERIOD_SECONDS)


def _graph(name: str, *lines: Line) -> Widget:
    return graph(name, lines, width=WIDTH)
