"""What a worker is given, and what it sends back by the completion queue."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

CompletionStatus = Literal["COMPLETED", "FAILED", "IN_PROGRESS"]


class WorkMessage(TypedDict):
    """The message in a workers' queue. Whoever takes it answers for `taskToken`, at least every
    `heartbeatSeconds`: at `completionQueueUrl`, or to Step Functions itself. `attempt` counts from
    1: the workers before it were not heard of again."""

    taskToken: str
    taskId: str
    executionArn: str
    attempt: int
    heartbeatSeconds: int
    completionQueueUrl: str
    work: object


class Completion(TypedDict):
    """The message in the completion queue: `output` belongs to COMPLETED, `error` and `cause` to
    FAILED; IN_PROGRESS is a heartbeat. `taskId` names what is listed as waiting."""

    taskToken: str
    status: CompletionStatus
    taskId: NotRequired[str]
    output: NotRequired[object]
    error: NotRequired[str]
    cause: NotRequired[str]
