"""Files of companies to be scored, a score service that fails, and what came of it; of both forms
of the batch."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from sfnlocal.testing import LocalApp

ALWAYS = 10**6


def put(sfn: LocalApp, key: str, body: str) -> None:
    sfn.client("s3").put_object(Bucket=bucket(sfn), Key=key, Body=body.encode())


def bucket(sfn: LocalApp) -> str:
    (name,) = {
        resource.name
        for resource in sfn.app.resources
        if resource.type == "AWS::S3::Bucket" and "/ScoreFiles" in resource.path
    }
    return str(name)


def read_lines(sfn: LocalApp, prefix: str) -> list[dict[str, Any]]:
    """The JSON Lines of every object below a prefix, by their line's number. What Step Functions
    says of a child that has failed has none."""
    s3 = sfn.client("s3")
    found = s3.list_objects_v2(Bucket=bucket(sfn), Prefix=prefix).get("Contents", [])
    lines = [
        json.loads(line)
        for entry in found
        if entry["Key"].endswith(".jsonl")
        for line in s3.get_object(Bucket=bucket(sfn), Key=entry["Key"])["Body"].iter_lines()
    ]
    return sorted(lines, key=lambda line: int(line.get("line", 0)))


def fails(sfn: LocalApp, company: str, calls: int = ALWAYS) -> None:
    """The score service's next calls for a company, or for all."""
    sfn.put_item("ScoreOutages", {"companyId": company, "failuresLeft": calls})


def progress(sfn: LocalApp) -> dict[str, int]:
    """The job's counters, summed over its shards."""
    counted: Counter[str] = Counter()
    for item in sfn.items("ScoreJobs"):
        for name in ("lines", "scored", "refused"):
            counted[name] += int(item.get(name, 0))
    return dict(counted)


def queued_results(sfn: LocalApp) -> list[dict[str, Any]]:
    found = [r for part in sfn.items("ScoreParts") for r in json.loads(part["results"])]
    return sorted(found, key=lambda result: int(result["line"]))
