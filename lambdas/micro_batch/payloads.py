"""The payloads of the micro-process batch: a line of the file, and what becomes of it.

A line ends in one of three ways: scored; refused, because no score is possible whoever asks again
(an outcome); failed, because something was down (a dead letter, which a second run takes up).
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

# What is longer is no id: the line goes on without it, and is refused.
COMPANY_ID_MAX = 100


class Job(TypedDict):
    """The input of both machines: an object of the bucket with one company a line, as
    `jobs/NAME.csv` (first row: `companyId`) or `jobs/NAME.jsonl`. A second run of failed lines
    has `failed/NAME.jsonl`."""

    key: str


class Line(TypedDict):
    """`line` is the line's number in the file, from 1, a CSV's first row included. Of the line
    itself there is the company's id only, however much else stands in it: `{"companyId"}`, or
    null where there is none."""

    line: int
    company: object


class ScoreLineEvent(Line):
    executionArn: str


class Refusal(TypedDict):
    path: str
    reason: str


class LineResult(TypedDict):
    """With a `score`, or `refused`."""

    line: int
    companyId: NotRequired[str]
    score: NotRequired[int]
    refused: NotRequired[Refusal]


class FailedLine(Line):
    error: str
    cause: str


class CollectFailedEvent(TypedDict):
    """`manifest` is the ResultWriter's, and `failedKey` where the failed lines are to be put."""

    executionArn: str
    bucket: str
    manifest: str
    failedKey: str


class Collected(TypedDict):
    """How many lines ended how; the numbers of the first that failed."""

    scored: int
    refused: int
    failed: int
    firstFailedLines: list[int]


class EnqueuePartEvent(TypedDict):
    """The part of a job's file that begins at byte `offset`, after `line` lines."""

    executionArn: str
    jobId: str
    bucket: str
    key: str
    offset: int
    line: int


class EnqueuedPart(TypedDict):
    """Where the next part begins, unless `done`."""

    offset: int
    line: int
    done: bool


class WorkMessage(TypedDict):
    """Some lines of a job; the same lines have the same `part` whenever they are sent."""

    jobId: str
    part: str
    lines: list[Line]


class ScoreAnswer(TypedDict):
    """What the score service answers; 300 to 850."""

    companyId: str
    score: int
