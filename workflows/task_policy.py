"""Task policies in the words of Netflix Conductor's task definitions, as ASL.

Who comes from Conductor keeps what a task definition says of retries and time-outs: `timeouts` goes
to the task's constructor, `with_policy` gives the task its Retriers and what `optional` and
LINEAR_BACKOFF need around it. docs/task-policies.md says what maps how, and what does not.
https://docs.conductor-oss.org/documentation/configuration/taskdef.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import is_true, jsonata

RetryLogic: TypeAlias = Literal["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"]
TimeoutPolicy: TypeAlias = Literal["RETRY", "TIME_OUT_WF"]

# The worker answered that it failed, or was not heard of: what Conductor reschedules.
FAILED = ("States.TaskFailed", "States.HeartbeatTimeout")
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
MAX_DELAY_SECONDS = 31_622_400


class Timeouts(TypedDict, total=False):
    """Arguments of a task's constructor."""

    task_timeout: sfn.Timeout
    heartbeat_timeout: sfn.Timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPolicy:
    """The fields are Conductor's, with its defaults, but for `timeout_seconds`: every task here has
    a time-out. `optional` is of the task's use in a workflow. ValueError where Step Functions
    could not do it."""

    timeout_seconds: int
    timeout_policy: TimeoutPolicy = "TIME_OUT_WF"
    response_timeout_seconds: int = 600
    retry_count: int = 3
    retry_logic: RetryLogic = "FIXED"
    retry_delay_seconds: int = 60
    max_retry_delay_seconds: int = 0
    backoff_scale_factor: int = 1
    optional: bool = False
    # Any other error is one that Conductor calls terminal: the task is not scheduled again.
    rescheduled: tuple[str, ...] = FAILED

    def __post_init__(self) -> None:
        for field in ("timeout_seconds", "retry_delay_seconds", "backoff_scale_factor"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; it must be at least 1")
        if self.timeout_policy not in ("RETRY", "TIME_OUT_WF"):
            raise ValueError(
                f"timeout_policy {self.timeout_policy!r}: a state that takes longer than its "
                "time-out fails; to be alerted only, raise timeout_seconds and put an alarm on the "
                "state's run time"
            )
        if not self.rescheduled:
            raise ValueError("rescheduled is empty; for no retries, set retry_count to 0")
        longest = self.max_retry_delay_seconds
        if longest and not self.retry_delay_seconds < longest <= MAX_DELAY_SECONDS:
            raise ValueError(
                f"max_retry_delay_seconds is {longest}; it must be 0, or more than "
                f"retry_delay_seconds ({self.retry_delay_seconds}) and at most {MAX_DELAY_SECONDS}"
            )

    @property
    def retried(self) -> list[str]:
        """The errors after which the task is scheduled again."""
        timed_out = ["States.Timeout"] if self.timeout_policy == "RETRY" else []
        return [*self.rescheduled, *timed_out]


def timeouts(policy: TaskPolicy, *, callback: bool) -> Timeouts:
    """`callback`: the worker answers by a task token, and so it can send heartbeats. Where it
    cannot, the first answer is the last, and the sooner of both times is the time-out."""
    response = policy.response_timeout_seconds
    seconds = policy.timeout_seconds
    if not callback:
        return {"task_timeout": timeout(min(seconds, response) if response else seconds)}
    if not response:
        return {"task_timeout": timeout(seconds)}
    if response >= seconds:
        raise ValueError(
            f"response_timeout_seconds is {response}: a heartbeat must be shorter than "
            f"timeout_seconds ({seconds})"
        )
    return {"task_timeout": timeout(seconds), "heartbeat_timeout": timeout(response)}


def with_policy(
    scope: Construct,
    task: sfn.TaskStateBase,
    policy: TaskPolicy,
    *,
    failed: sfn.IChainable | None = None,
) -> sfn.Chain:
    """The task with what its policy asks for, as one chain.

    A Retrier's pauses are fixed or grow by a factor, so LINEAR_BACKOFF is a loop around the task:
    it must know where a task goes that has failed too often (`failed`), and finds the task's input
    as it was; the last error is in the variable `failureOf<state>`. An optional task that failed is
    skipped: the error output is its output.
    """
    skipped = None
    if policy.optional:
        skipped = sfn.Pass.jsonata(scope, f"{task.id}Skipped")
    start: sfn.State = task
    if policy.retry_logic == "LINEAR_BACKOFF":
        after = skipped or failed
        if after is None:
            raise ValueError(f"{task.id}: LINEAR_BACKOFF needs `failed`, or an optional task")
        start = _retry_linearly(scope, task, policy, after)
    else:
        task.add_retry(
            errors=policy.retried,
            interval=cdk.Duration.seconds(policy.retry_delay_seconds),
            max_attempts=policy.retry_count,
            backoff_rate=2 if policy.retry_logic == "EXPONENTIAL_BACKOFF" else 1,
            max_delay=cdk.Duration.seconds(policy.max_retry_delay_seconds)
            if policy.max_retry_delay_seconds
            else None,
        )
        if skipped is not None:
            task.add_catch(skipped, errors=policy.retried)
    ends: list[sfn.INextable] = [task] if skipped is None else [task, skipped]
    return sfn.Chain.custom(start, ends, task)


def _retry_linearly(
    scope: Construct, task: sfn.TaskStateBase, policy: TaskPolicy, after: sfn.IChainable
) -> sfn.State:
    failures, failure = f"failuresOf{task.id}", f"failureOf{task.id}"
    longest = policy.max_retry_delay_seconds or MAX_DELAY_SECONDS
    step = policy.retry_delay_seconds * policy.backoff_scale_factor
    none_yet = sfn.Pass.jsonata(
        scope, f"{task.id}HasNotFailed", assign={failures: 0}, outputs=jsonata("$states.input")
    )
    pause = sfn.Wait.jsonata(
        scope,
        f"{task.id}BackOff",
        time=sfn.WaitTime.seconds(jsonata(f"$min([{step} * ${failures}, {longest}])")),
    )
    again = sfn.Choice.jsonata(scope, f"{task.id}Again")
    again.when(is_true(f"${failures} <= {policy.retry_count}"), pause.next(task)).otherwise(after)
    task.add_catch(
        again,
        errors=policy.retried,
        assign={
            failures: jsonata(f"${failures} + 1"),
            failure: jsonata("$states.errorOutput"),
        },
        outputs=jsonata("$states.input"),
    )
    none_yet.next(task)
    return none_yet
