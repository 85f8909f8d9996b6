"""Moving what is in a dead-letter queue back to its queue, by one message move task: waited for,
and told in the audit before and after.

A move task works from the dead-letter queue of an SQS queue only, one at a time on a queue, and
acts as who starts it.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.audit import Audit
from workflows.durations import timeout
from workflows.jsonata import is_true, jsonata
from workflows.machine import Machine
from workflows.queue import Queue
from workflows.retry_policy import SQS_SDK_FAULTS, TIME_OUTS, retry

TIME_OUT = timeout(30)
POLL_SECONDS = 30
# An attempt before this one lost its answer, or somebody moves them by hand.
ALREADY_RUNS = "Sqs.UnsupportedOperationException"


class MessageMove(Construct):
    """`start` is the first state. It moves `$queue` {name, arn, source} at `$request.perMinute`,
    and leaves in `$move` what ListMessageMoveTasks says. `sources` are the queues that have dead
    letters, by the ARN of the queue that has these; messages that were received before can be seen
    again after `hidden_seconds`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        sources: Mapping[str, Queue],
        audit: Audit,
        hidden_seconds: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._sources = sources
        wait_until_visible = sfn.Wait.jsonata(
            self,
            "WaitUntilVisible",
            time=sfn.WaitTime.duration(cdk.Duration.seconds(hidden_seconds)),
        )
        tell_before = audit.before(
            self,
            "TellBeforeMove",
            action="'MOVE'",
            saw="{'from': $queue.name, 'to': $queue.source, 'letters': $count($letters)}",
            undo="'aws sqs cancel-message-move-task --task-handle (see list-message-move-tasks)'",
        )
        start_move = self._call(
            "StartMove",
            "startMessageMoveTask",
            {"MaxNumberOfMessagesPerSecond": jsonata("$ceil($request.perMinute / 60)")},
            {},
        )
        wait_for_move = sfn.Wait.jsonata(
            self,
            "WaitForMove",
            time=sfn.WaitTime.duration(cdk.Duration.seconds(POLL_SECONDS)),
        )
        read_move = self._call(
            "ReadMove",
            "listMessageMoveTasks",
            {"MaxResults": 1},
            {"move": jsonata("$states.result.Results[0]")},
        )
        has_ended = sfn.Choice.jsonata(self, "HasMoveEnded")
        tell_after = audit.after(self, "TellAfterMove", action="'MOVE'", result="$move")

        start_move.add_catch(wait_for_move, errors=[ALREADY_RUNS], outputs=jsonata("{}"))

        wait_until_visible.next(tell_before).next(start_move).next(wait_for_move)
        wait_for_move.next(read_move).next(
            has_ended.when(is_true("$move.Status = 'RUNNING'"), wait_for_move).otherwise(tell_after)
        )
        self.start: sfn.State = wait_until_visible
        self.tasks = (tell_before, start_move, read_move, tell_after)
        self._last = tell_after

    def next(self, state: sfn.State) -> None:
        self._last.next(state)

    def grant_to(self, machine: Machine) -> None:
        machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:GetQueueAttributes"],
                resources=[*self._sources],
            )
        )
        machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                resources=[queue.arn for queue in self._sources.values()],
            )
        )

    def _call(
        self, state: str, action: str, parameters: dict[str, Any], assign: dict[str, Any]
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            state,
            service="sqs",
            action=action,
            iam_action=f"sqs:{action[0].upper()}{action[1:]}",
            iam_resources=[*self._sources],
            parameters={"SourceArn": jsonata("$queue.arn"), **parameters},
            task_timeout=TIME_OUT,
            assign=assign,
            outputs={},
        )
        retry(task, SQS_SDK_FAULTS, TIME_OUTS)
        return task
