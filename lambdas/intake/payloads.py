"""The payloads of the Intake workflow and of its front. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

STORED = "STORED"
INVALID = "INVALID"
KEY_REUSED = "KEY_REUSED"

# Of a submission; the front makes it from the visitor's key.
SUBMISSION_ID = "^[0-9a-f]{32}$"


class IntakeInput(TypedDict):
    """The input of the workflow. `entries` are the Submission, if it is one."""

    submissionId: str
    entries: dict[str, object]


class Problem(TypedDict):
    """`field` is the path of what does not fit, `message` what to do about it."""

    field: str
    message: str


class IntakeResult(TypedDict):
    """The output of the workflow. `receivedAt` is when it was stored first, however often it came;
    KEY_REUSED is a submission whose id came with other entries before."""

    outcome: Literal["STORED", "INVALID", "KEY_REUSED"]
    submissionId: NotRequired[str]
    receivedAt: NotRequired[str]
    problems: NotRequired[list[Problem]]


class Reply(TypedDict):
    """The body of an answer of POST /submissions. `error` and `message` are in refusals, `problems`
    in those of fields."""

    submissionId: NotRequired[str]
    receivedAt: NotRequired[str]
    error: NotRequired[str]
    message: NotRequired[str]
    problems: NotRequired[list[Problem]]
