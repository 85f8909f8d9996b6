"""The Lambda task with the house's defaults: a time-out longer than the function's own, the retry
policy instead of the CDK's default Retrier (without throttling or jitter), JSONata.

`event` is an instance of the function's TypedDict whose values are JSONata expressions, so a
renamed key is an error of mypy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.findings import acknowledge_wildcard
from workflows.function import ThinFunction
from workflows.retry_policy import (
    FAULTY_VERSION,
    LAMBDA_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)

# No function is still running when its task has timed out and a compensation starts.
TASK_OUTLASTS_FUNCTION_SECONDS = 15


def lambda_task(
    scope: Construct,
    state: str,
    *,
    function: ThinFunction,
    event: Mapping[str, Any],
    retries: tuple[RetryClass, ...] = (),
    assign: Mapping[str, Any] | None = None,
    outputs: str | None = None,
) -> tasks.LambdaInvoke:
    """A Task that invokes the function; `$states.result.Payload` is its answer."""
    seconds = function.timeout_seconds + TASK_OUTLASTS_FUNCTION_SECONDS
    task = tasks.LambdaInvoke.jsonata(
        scope,
        state,
        lambda_function=function.invoked,
        payload=sfn.TaskInput.from_object(dict(event)),
        retry_on_service_exceptions=False,
        task_timeout=timeout(seconds),
        assign=assign,
        outputs=outputs,
    )
    if function.live is None:
        _acknowledge_qualifiers(scope, function.function)
    else:
        retries = (*retries, FAULTY_VERSION)
    retry(task, LAMBDA_FAULTS, TIME_OUTS, *retries)
    return task


def json_path_lambda_task(
    scope: Construct,
    state: str,
    *,
    function: lambda_.IFunction,
    function_timeout_seconds: int,
    event: Mapping[str, Any],
    retries: tuple[RetryClass, ...] = (),
    assign: Mapping[str, Any],
) -> tasks.LambdaInvoke:
    """The same in JSONPath: `$.Payload` is the answer, and the state's input is its output."""
    seconds = function_timeout_seconds + TASK_OUTLASTS_FUNCTION_SECONDS
    task = tasks.LambdaInvoke(
        scope,
        state,
        lambda_function=function,
        payload=sfn.TaskInput.from_object(dict(event)),
        retry_on_service_exceptions=False,
        task_timeout=timeout(seconds),
        result_path=sfn.JsonPath.DISCARD,
        assign=assign,
    )
    _acknowledge_qualifiers(scope, function)
    retry(task, LAMBDA_FAULTS, TIME_OUTS, *retries)
    return task


def _acknowledge_qualifiers(scope: Construct, function: lambda_.IFunction) -> None:
    acknowledge_wildcard(
        scope,
        f"{function.function_arn}:*",
        "The CDK grants the versions and aliases of a function with the function.",
    )
