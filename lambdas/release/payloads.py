"""The payloads of the release build: what an execution is given, what a builder gets and gives
back, what the source host is told."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

# The source host's words: https://docs.github.com/en/rest/commits/statuses
StatusState = Literal["pending", "success", "failure", "error"]
PENDING: StatusState = "pending"
SUCCESS: StatusState = "success"
FAILURE: StatusState = "failure"
ERROR: StatusState = "error"

# What a builder reports of a release that cannot be built. Another builder could not either.
BUILD_FAILED = "BuildFailed"


class Release(TypedDict):
    """The input of an execution. `repository` is `owner/name`; `tag` is what is built."""

    repository: str
    releaseId: int
    tag: str


class BuildResult(TypedDict):
    """A builder's output."""

    artifact: str


class StatusEvent(TypedDict):
    """What is told of the tag's commit."""

    executionArn: str
    repository: str
    tag: str
    state: StatusState
    description: str


class StatusReported(TypedDict):
    """`commit` is the one that the tag names, where the host was asked."""

    commit: NotRequired[str]
