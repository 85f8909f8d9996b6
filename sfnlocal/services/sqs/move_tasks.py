"""Message move tasks: a dead-letter queue's messages go back to their queues, or to another one.

A task moves as many messages as there were when it began, once a second as many as its rate says.
A moved message is a new one: new id, new age, never received.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.services.sqs.errors import missing_parameter, sqs_error
from sfnlocal.services.sqs.message import Message
from sfnlocal.services.sqs.queue import Queue
from sfnlocal.services.sqs.registry import QueueRegistry

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

Params = dict[str, Json]

# Also what SQS is taken to move where it chooses itself.
_RATE_MAX = 500
_KEPT = 10
_STEP_MS = 1_000


@dataclass(slots=True, eq=False)
class _Task:
    handle: str
    source: Queue
    destination_arn: str
    rate: int | None
    to_move: int
    started_ms: int
    moved: int = 0
    status: str = "RUNNING"
    failure: str = ""


class MoveOperations:
    def __init__(self, aws: Aws, registry: QueueRegistry) -> None:
        self._aws = aws
        self._registry = registry
        self._tasks: dict[str, deque[_Task]] = {}
        self.operations: Mapping[str, Callable[[Params], dict[str, Json]]] = {
            "StartMessageMoveTask": self._start,
            "ListMessageMoveTasks": self._list,
            "CancelMessageMoveTask": self._cancel,
        }

    def _start(self, params: Params) -> dict[str, Json]:
        source = self._dead_letter_queue(params)
        destination = params.get("DestinationArn") or ""
        if destination:
            target = self._registry.by_arn(destination)
            if target is None:
                raise _not_found("DestinationArn")
            if target is source:
                raise _invalid("Source queue arn and destination queue arn cannot be the same.")
            if target.settings.fifo != source.settings.fifo:
                raise _invalid("The destination queue must be of the same type as the source.")
        rate = params.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= rate <= _RATE_MAX:
            raise _invalid(
                f"Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must "
                f"enter a value between 1 and {_RATE_MAX}."
            )
        tasks = self._tasks.setdefault(source.arn, deque(maxlen=_KEPT))
        if tasks and tasks[0].status == "RUNNING":
            raise sqs_error(
                "UnsupportedOperation",
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time.",
            )
        now_ms = self._aws.now_ms
        source.settle(now_ms)
        named = json_text({"taskId": self._registry.new_id(), "sourceArn": source.arn})
        handle = base64.b64encode(named.encode()).decode()
        task = _Task(handle, source, destination, rate, source.visible, now_ms)
        tasks.appendleft(task)
        self._aws.at(now_ms, lambda: self._step(task))
        return {"TaskHandle": handle}

    def _list(self, params: Params) -> dict[str, Json]:
        source = self._dead_letter_queue(params)
        count = params.get("MaxResults", 1)
        if not 1 <= count <= _KEPT:
            raise _invalid(
                f"Value for parameter MaxResults is invalid. Reason: You must enter a value "
                f"between 1 and {_KEPT}."
            )
        tasks = list(self._tasks.get(source.arn, ()))[:count]
        return {"Results": [_described(task) for task in tasks]}

    def _cancel(self, params: Params) -> dict[str, Json]:
        handle = params.get("TaskHandle")
        if not handle:
            raise missing_parameter("TaskHandle")
        for tasks in self._tasks.values():
            for task in tasks:
                if task.handle == handle:
                    if task.status != "RUNNING":
                        raise sqs_error(
                            "UnsupportedOperation", "Only active tasks can be cancelled"
                        )
                    task.status = "CANCELLED"
                    return {"ApproximateNumberOfMessagesMoved": task.moved}
        raise sqs_error("ResourceNotFoundException", "Task does not exist.")

    def _dead_letter_queue(self, params: Params) -> Queue:
        """Only the dead-letter queue of a queue, not that of a function, rule or topic."""
        arn = params.get("SourceArn")
        if not arn:
            raise missing_parameter("SourceArn")
        queue = self._registry.by_arn(arn)
        if queue is None:
            raise _not_found("SourceArn")
        if not self._registry.sources(queue):
            raise _invalid("Source queue must be configured as a Dead Letter Queue.")
        return queue

    # Moving

    def _step(self, task: _Task) -> None:
        if task.status != "RUNNING":
            return
        count = min(task.rate or _RATE_MAX, task.to_move - task.moved)
        moved = task.source.take(count, self._aws.now_ms)
        touched: dict[Queue, None] = {task.source: None}
        while moved:
            target = self._registry.by_arn(task.destination_arn or moved[0].dead_letter_source_arn)
            if target is None:
                self._fail(task, moved)
                break
            self._move(moved.pop(0), target)
            touched[target] = None
            task.moved += 1
        for queue in touched:
            self._registry.look_at(queue)
            self._registry.hidden(queue)
        if task.status == "RUNNING" and (task.moved >= task.to_move or not task.source.visible):
            task.status = "COMPLETED"
        if task.status == "RUNNING":
            self._aws.at(self._aws.now_ms + _STEP_MS, lambda: self._step(task))

    def _fail(self, task: _Task, left: list[Message]) -> None:
        """What cannot be moved stays where it was."""
        task.status = "FAILED"
        task.failure = (
            "AWS.SimpleQueueService.NonExistentQueue"
            if left[0].dead_letter_source_arn
            else "CouldNotDetermineMessageSource"
        )
        for message in left:
            task.source.add(replace(message), self._aws.now_ms)

    def _move(self, message: Message, target: Queue) -> None:
        now_ms = self._aws.now_ms
        target.add(
            Message(
                self._registry.new_id(),
                message.body,
                message.md5,
                now_ms,
                now_ms,
                message.sender_id,
                message.attributes,
                message.system_attributes,
                message.group_id,
                message.deduplication_id,
            ),
            now_ms,
            target.settings.delay_ms,
        )


def _described(task: _Task) -> dict[str, Json]:
    described: dict[str, Json] = {
        "Status": task.status,
        "SourceArn": task.source.arn,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": task.started_ms,
    }
    if task.status == "RUNNING":
        described["TaskHandle"] = task.handle
    if task.destination_arn:
        described["DestinationArn"] = task.destination_arn
    if task.rate is not None:
        described["MaxNumberOfMessagesPerSecond"] = task.rate
    if task.failure:
        described["FailureReason"] = task.failure
    return described


def _not_found(name: str) -> ApiError:
    return sqs_error(
        "ResourceNotFoundException",
        f"The resource that you specified for the {name} parameter doesn't exist.",
    )


def _invalid(message: str) -> ApiError:
    return sqs_error("InvalidParameterValue", message)
