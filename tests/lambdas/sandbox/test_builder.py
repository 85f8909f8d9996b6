"""The sandbox's builder: says that it is at work, then what came of it; each time the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from lambdas.completion.payloads import WorkMessage
from lambdas.sandbox.logic.builder import completions

Load = Callable[[str], ModuleType]
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/completions"


def a_job(tag: str = "v1", attempt: int = 1) -> WorkMessage:
    return WorkMessage(
        taskToken="token-1",
        taskId="release-build/acme/shop/7",
        executionArn="arn:aws:states:eu-west-1:123456789012:execution:ReleaseBuild:release-1-7",
        attempt=attempt,
        heartbeatSeconds=120,
        completionQueueUrl=QUEUE,
        work={"repository": "acme/shop", "releaseId": 7, "tag": tag},
    )


@pytest.mark.parametrize(
    ("tag", "attempt", "expected"),
    [
        ("v1", 1, ["IN_PROGRESS", "COMPLETED"]),
        ("v1-broken", 1, ["IN_PROGRESS", "FAILED"]),
        ("v1-disk-full", 1, ["IN_PROGRESS", "FAILED"]),
        ("v1-builder-dies", 1, ["IN_PROGRESS"]),
        ("v1-builder-dies", 2, ["IN_PROGRESS", "COMPLETED"]),
        ("v1-builders-die", 7, ["IN_PROGRESS"]),
    ],
)
def test_the_tag_says_how_it_goes(tag: str, attempt: int, expected: list[str]) -> None:
    told = list(completions(a_job(tag, attempt)))
    assert [one["status"] for one in told] == expected
    assert {one["taskToken"] for one in told} == {"token-1"}


@pytest.fixture
def stub(load: Load) -> Iterator[Stubber]:
    with Stubber(load("sandbox.builder").SQS) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def build(load: Load, context: object) -> Callable[..., list[str]]:
    """Hands jobs over; the ids of those that failed."""
    module = load("sandbox.builder")

    def handle(*jobs: WorkMessage) -> list[str]:
        records = [
            {"messageId": f"m-{number}", "body": json.dumps(job), "eventSource": "aws:sqs"}
            for number, job in enumerate(jobs, start=1)
        ]
        answer: Any = module.handler({"Records": records}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return handle


def expect(stub: Stubber, job: WorkMessage) -> None:
    for one in completions(job):
        stub.add_response(
            "send_message", {"MessageId": "1"}, {"QueueUrl": QUEUE, "MessageBody": json.dumps(one)}
        )


def test_a_job_that_comes_twice_is_answered_twice_alike(
    stub: Stubber, build: Callable[..., list[str]]
) -> None:
    expect(stub, a_job())
    expect(stub, a_job())
    assert build(a_job(), a_job()) == []


def test_a_job_whose_answer_was_not_taken_comes_again_alone(
    stub: Stubber, build: Callable[..., list[str]]
) -> None:
    stub.add_client_error("send_message", "RequestThrottled")
    expect(stub, a_job("v2"))
    assert build(a_job("v1"), a_job("v2")) == ["m-1"]


def test_a_job_whose_answer_was_lost_comes_again(
    load: Load, build: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url=QUEUE)

    monkeypatch.setattr(load("sandbox.builder").SQS, "send_message", lose)
    assert build(a_job()) == ["m-1"]
