"""Logs and metrics of the order workflow's tasks: one decorator for every handler.

A log line carries the execution's ARN as its correlation id. A metric counts each outcome by task:
`Succeeded`, or the error's class name, so that OutOfStock and CardDeclined can be charted although
they end in executions that succeed. No Tracer: see docs/decisions/0003-traces.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.injected_fault import inject_fault

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

Event = TypeVar("Event")
Result = TypeVar("Result")

LOGGER = Logger(service="order")
METRICS = Metrics(namespace="Orders", service="order")


@contextmanager
def count_outcome(task: str) -> Iterator[None]:
    """Counts what the body ends with; errors pass through."""
    METRICS.add_dimension(name="task", value=task)
    try:
        yield
    except BaseException as error:
        METRICS.add_metric(name=type(error).__name__, unit=MetricUnit.Count, value=1)
        raise
    METRICS.add_metric(name="Succeeded", unit=MetricUnit.Count, value=1)


def order_task(
    handler: Callable[[Event, LambdaContext], Result],
) -> Callable[[Event, LambdaContext], Result]:
    """Decorates the handler of a task; the task is named after its module."""
    task = handler.__module__.rpartition(".")[2]

    @wraps(handler)
    def counted(event: Event, context: LambdaContext) -> Result:
        with count_outcome(task):
            inject_fault(context)
            return handler(event, context)

    return LOGGER.inject_lambda_context(
        METRICS.log_metrics(counted), correlation_id_path="executionArn"
    )
