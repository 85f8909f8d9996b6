"""The payloads of timed tasks. `taskId` is the business key: it names the execution that is
started, so that a task is done once however often it is asked for."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

SCHEDULE = "SCHEDULE"
START = "START"
CANCEL = "CANCEL"
LIST = "LIST"

SCHEDULED = "SCHEDULED"
STARTING = "STARTING"
STARTED = "STARTED"
CANCELLED = "CANCELLED"
REFUSED = "REFUSED"


class ScheduleRequest(TypedDict):
    """`at` is a local time in `timeZone` (UTC by default), or has an offset of its own; the other
    way is `afterSeconds`."""

    action: Literal["SCHEDULE"]
    taskId: str
    workflow: str
    input: NotRequired[Any]
    at: NotRequired[str]
    timeZone: NotRequired[str]
    afterSeconds: NotRequired[int]


class TaskRequest(TypedDict):
    """START is what the schedule asks for when a task is due."""

    action: Literal["START", "CANCEL"]
    taskId: str


class ListRequest(TypedDict):
    """What is due until then, the next first; everything by default."""

    action: Literal["LIST"]
    until: NotRequired[str]


class CheckRequestEvent(TypedDict):
    """`now` is when the request was made; `workflows` are the names that there are."""

    executionArn: str
    request: object
    now: str
    workflows: list[str]


class Plan(TypedDict):
    """What is asked for, checked. `dueAt` and `until` are in UTC; empty where there is none."""

    action: str
    taskId: str
    workflow: str
    input: Any
    dueAt: str
    until: str
