"""An event-driven task: work that is handed to a queue, and whose token somebody completes later,
by a message on the completion queue or by the API. See docs/event-driven-tasks.md.

What waits stands in a table from before the hand-over until after the answer. `task_id` is the
work's business key, so that a retry, a redrive and a replay find the same row. A worker that is not
heard of within the heartbeat loses the task, and the work goes into the queue again under a new
token: it is done at least once, and its first answer counts.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.completion.payloads import WorkMessage
from workflows.attribute_values import number, text
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_ARN, jsonata, value_of
from workflows.queue import Queue
from workflows.retry_policy import DYNAMODB_FAULTS, SQS_FAULTS, TIME_OUTS, retry
from workflows.task_policy import TaskPolicy, timeouts, with_policy

TIME_OUT = timeout(30)


@dataclass(frozen=True, slots=True)
class WaitingTasks:
    """`table` lists what waits, by taskId; its rows expire by `expiration`. Workers answer at
    `completions`."""

    table: dynamodb.ITable
    completions: Queue


class WaitingTask(Construct):
    """Three states and a spare: Note... -> the task -> Forget..., and ForgetLost... for a task that
    failed. `start` is the first; `done` the last, whose `next` the caller sets."""

    def __init__(
        self,
        scope: Construct,
        state: str,
        *,
        waiting: WaitingTasks,
        workers: Queue,
        task_id: str,
        work: Mapping[str, Any] | str,
        policy: TaskPolicy,
        kept: cdk.Duration,
        assign: Mapping[str, Any],
    ) -> None:
        """`task_id` is JSONata. The `policy` says how long a worker may take and be silent, and how
        often the work goes to another; `kept` is how long a row stays that nobody removes."""
        super().__init__(scope, f"{state}Waiting")
        self._waiting = waiting
        self._task_id = task_id
        heartbeat_s = policy.response_timeout_seconds

        self.note = tasks.DynamoPutItem.jsonata(
            self,
            f"Note{state}",
            table=waiting.table,
            item={
                "taskId": text(jsonata(task_id)),
                "executionArn": text(jsonata(EXECUTION_ARN)),
                "state": text(state),
                "since": text(jsonata("$states.context.State.EnteredTime")),
                "heartbeatSeconds": number(str(heartbeat_s)),
                "expiration": number(
                    jsonata(f"$string($floor($millis() / 1000) + {int(kept.to_seconds())})")
                ),
            },
            task_timeout=TIME_OUT,
        )
        retry(self.note, DYNAMODB_FAULTS, TIME_OUTS)

        self.task = tasks.SqsSendMessage.jsonata(
            self,
            state,
            queue=workers,
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            message_body=sfn.TaskInput.from_object(
                dict(
                    WorkMessage(
                        taskToken=value_of("$states.context.Task.Token"),
                        taskId=value_of(task_id),
                        executionArn=value_of(EXECUTION_ARN),
                        attempt=value_of("$states.context.State.RetryCount + 1"),
                        heartbeatSeconds=heartbeat_s,
                        completionQueueUrl=waiting.completions.url,
                        work=work,
                    )
                )
            ),
            assign=assign,
            **timeouts(policy, callback=True),
        )
        retry(self.task, SQS_FAULTS)

        self.done = self._forget(f"Forget{state}")
        self.lost = self._forget(f"ForgetLost{state}")
        self.note.next(with_policy(self, self.task, policy).next(self.done))
        self.start: sfn.State = self.note

    def answers(self, error: str, assign: Mapping[str, Any]) -> None:
        """An error that workers report is an answer: the task is done."""
        self.task.add_catch(self.done, errors=[error], assign=assign)

    def _forget(self, state: str) -> tasks.DynamoDeleteItem:
        task = tasks.DynamoDeleteItem.jsonata(
            self,
            state,
            table=self._waiting.table,
            key={"taskId": text(jsonata(self._task_id))},
            task_timeout=TIME_OUT,
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task
