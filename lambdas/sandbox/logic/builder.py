"""What a builder tells of a job. The tag's end says how it goes: `-broken` cannot be built, at
`-disk-full` the builder itself fails, with `-builder-dies` the first one is not heard of again,
with `-builders-die` none is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from lambdas.completion.payloads import Completion, WorkMessage
from lambdas.release.payloads import BUILD_FAILED, BuildResult

if TYPE_CHECKING:
    from lambdas.release.payloads import Release

FAILURES = {
    "-broken": (BUILD_FAILED, "it does not compile"),
    "-disk-full": ("DiskFull", "no space left"),
}
DIES_SUFFIX = "-builder-dies"
ALL_DIE_SUFFIX = "-builders-die"


def completions(job: WorkMessage) -> Iterator[Completion]:
    """A job that comes again is built again, to the same artifact."""
    release, token, task_id = cast("Release", job["work"]), job["taskToken"], job["taskId"]
    tag = release["tag"]
    yield Completion(taskToken=token, taskId=task_id, status="IN_PROGRESS")
    if tag.endswith(ALL_DIE_SUFFIX) or (tag.endswith(DIES_SUFFIX) and job["attempt"] == 1):
        return
    for suffix, (error, cause) in FAILURES.items():
        if tag.endswith(suffix):
            yield Completion(taskToken=token, status="FAILED", error=error, cause=cause)
            return
    result = BuildResult(artifact=f"{release['repository']}/{tag}.tar.gz")
    yield Completion(taskToken=token, status="COMPLETED", output=result)
