"""Collects the lines that failed, from what the ResultWriter wrote about a Map Run.

That is AWS's own record of every child execution, so no line gets lost however its child ended: a
line that failed alone stands among the results of its batch, a child that did not succeed has its
lines in its input. Files are read and written line by line: a job may have a million.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lambdas.micro_batch.payloads import Collected, CollectFailedEvent, FailedLine

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FIRST_LINES = 20
CAUSE_CHARACTERS_MAX = 1_000


def collect_failed(s3: S3Client, event: CollectFailedEvent) -> Collected:
    """Puts the failed lines where the event says, if there are any; a repeated call puts the same
    object again."""
    bucket = event["bucket"]
    found = s3.get_object(Bucket=bucket, Key=event["manifest"])
    files = json.loads(found["Body"].read())["ResultFiles"]
    collected = Collected(scored=0, refused=0, failed=0, firstFailedLines=[])
    with tempfile.TemporaryFile() as failed:
        for result in _results(s3, bucket, files):
            if "error" not in result:
                collected["refused" if "refused" in result else "scored"] += 1
                continue
            collected["failed"] += 1
            if len(collected["firstFailedLines"]) < FIRST_LINES:
                collected["firstFailedLines"].append(result["line"])
            failed.write(json.dumps(result).encode() + b"\n")
        if collected["failed"]:
            failed.seek(0)
            s3.put_object(Bucket=bucket, Key=event["failedKey"], Body=failed)
    return collected


def _results(s3: S3Client, bucket: str, files: dict[str, Any]) -> Iterator[Any]:
    yield from _lines(s3, bucket, files["SUCCEEDED"])
    for status in ("FAILED", "PENDING"):
        for child in _lines(s3, bucket, files[status]):
            for item in json.loads(child["Input"])["Items"]:
                yield FailedLine(
                    line=item["line"],
                    company=item["company"],
                    error=child.get("Error") or child["Status"],
                    cause=(child.get("Cause") or "")[:CAUSE_CHARACTERS_MAX],
                )


def _lines(s3: S3Client, bucket: str, files: list[dict[str, Any]]) -> Iterator[Any]:
    for file in files:
        body = s3.get_object(Bucket=bucket, Key=file["Key"])["Body"]
        for line in body.iter_lines():
            yield json.loads(line)
