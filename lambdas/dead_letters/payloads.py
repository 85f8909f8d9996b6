"""The payloads of DeadLetters.

`kind` says what a message in a dead-letter queue is: the LETTER of a failed run, a LOST_START that
a rule or schedule could not deliver to a state machine, a MESSAGE whose consumer failed, or
UNKNOWN.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Kind = Literal["LETTER", "LOST_START", "MESSAGE", "UNKNOWN"]
Action = Literal["LIST", "AUTO", "REPLAY", "REDRIVE", "MOVE"]

LETTER: Kind = "LETTER"
LOST_START: Kind = "LOST_START"
MESSAGE: Kind = "MESSAGE"
UNKNOWN: Kind = "UNKNOWN"


class DeadLettersInput(TypedDict):
    """The input of the DeadLetters machine. `queue` is a construct id, several of them, or ALL.
    LIST only tells what AUTO would do, as `dryRun` does for any action."""

    queue: str | list[str]
    action: NotRequired[Action]
    dryRun: NotRequired[bool]
    cause: NotRequired[str]
    maxLetters: NotRequired[int]
    perMinute: NotRequired[int]
    maxTries: NotRequired[int]
    waitMinutes: NotRequired[int]
    startedBy: NotRequired[str]
    reason: NotRequired[str]


class ReceiveLettersEvent(TypedDict):
    """`seen` are the ids of messages that this run has handled already."""

    executionArn: str
    queueUrl: str
    wanted: int
    hiddenSeconds: int
    maxTries: int
    seen: list[str]


class ReceivedLetter(TypedDict):
    """`cause` is what letters are grouped by. `replays` are the names of the executions that may
    bring the work back, in their order; `why` says why nothing can be done."""

    messageId: str
    receiptHandle: str
    digest: str
    body: str
    kind: Kind
    cause: str
    sentAt: str
    stateMachineArn: str
    executionArn: str
    redriveCount: int
    caught: bool
    replays: list[str]
    why: str


class ReceiveLettersResult(TypedDict):
    letters: list[ReceivedLetter]


class StartReplayEvent(TypedDict):
    executionArn: str
    kind: Kind
    body: str
    stateMachineArn: str
    name: str


class StartReplayResult(TypedDict):
    executionArn: str
