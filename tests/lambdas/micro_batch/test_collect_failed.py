"""collect_failed: no line gets lost, however its child execution ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.micro_batch.logic.collect_failed import FIRST_LINES, collect_failed
from lambdas.micro_batch.payloads import CollectFailedEvent
from tests.lambdas.micro_batch.conftest import BUCKET, Aws

EVENT = CollectFailedEvent(
    executionArn="arn:run", bucket=BUCKET, manifest="results/m.json", failedKey="failed/a.jsonl"
)


def write(aws: Aws, **results: list[Any]) -> None:
    """What the ResultWriter writes: a file a status, and the manifest."""
    files: dict[str, list[dict[str, Any]]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
    for status, lines in results.items():
        aws.put(f"results/{status}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        files[status].append({"Key": f"results/{status}.jsonl", "Size": 1})
    aws.put("results/m.json", json.dumps({"DestinationBucket": BUCKET, "ResultFiles": files}))


def failed_line(number: int) -> dict[str, Any]:
    return {"line": number, "company": {"companyId": "c"}, "error": "Down", "cause": "503"}


def child(*numbers: int, **more: str) -> dict[str, Any]:
    items = [{"line": number, "company": {"companyId": "c"}} for number in numbers]
    return {"Input": json.dumps({"Items": items}), "Status": "FAILED", **more}


def written(aws: Aws) -> list[dict[str, Any]]:
    return [json.loads(line) for line in aws.read("failed/a.jsonl").splitlines()]


def test_a_run_without_failures_leaves_no_file(aws: Aws) -> None:
    write(aws, SUCCEEDED=[{"line": 1, "score": 500}, {"line": 2, "refused": {}}])
    collected = collect_failed(aws.s3, EVENT)
    assert collected == {"scored": 1, "refused": 1, "failed": 0, "firstFailedLines": []}
    assert "failed/a.jsonl" not in str(aws.s3.list_objects_v2(Bucket=BUCKET))


def test_lines_are_collected_from_each_status(aws: Aws) -> None:
    write(
        aws,
        SUCCEEDED=[{"line": 1, "score": 500}, failed_line(2)],
        FAILED=[child(3, 4, Error="Down", Cause="503"), child(5, Status="TIMED_OUT")],
        PENDING=[child(6, Status="ABORTED")],
    )
    collected = collect_failed(aws.s3, EVENT)
    assert (collected["scored"], collected["failed"]) == (1, 5)
    assert collected["firstFailedLines"] == [2, 3, 4, 5, 6]
    found = {line["line"]: line["error"] for line in written(aws)}
    assert found == {
        2: "Down",
        3: "Down",
        4: "Down",
        5: "TIMED_OUT",
        6: "ABORTED",
    }
    assert all(line["company"] == {"companyId": "c"} for line in written(aws))


@pytest.mark.parametrize("calls", [1, 2])
def test_a_second_call_puts_the_same_object(aws: Aws, calls: int) -> None:
    write(aws, SUCCEEDED=[failed_line(n) for n in range(FIRST_LINES + 5)])
    for _ in range(calls):
        collected = collect_failed(aws.s3, EVENT)
    assert collected["failed"] == len(written(aws)) == FIRST_LINES + 5
    assert len(collected["firstFailedLines"]) == FIRST_LINES
