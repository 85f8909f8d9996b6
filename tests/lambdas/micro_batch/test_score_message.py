"""score_message: each line is counted once, and a line that fails holds up no other."""

from __future__ import annotations

import json

import pytest

from lambdas.micro_batch.errors import ScoreServiceUnavailable
from lambdas.micro_batch.logic.score_message import score_message
from lambdas.micro_batch.payloads import Line, LineResult, WorkMessage
from tests.lambdas.micro_batch.conftest import Aws, Scores


def a_message(*numbers: int) -> WorkMessage:
    lines = [Line(line=n, company={"companyId": f"c-{n}"}) for n in numbers]
    return WorkMessage(jobId="a", part=f"a/{numbers[0]}-{numbers[-1]}", lines=lines)


def score(aws: Aws, scores: Scores, message: WorkMessage) -> list[LineResult]:
    return score_message(scores, aws.dynamodb, aws.sqs, aws.environment, message)


def test_a_message_that_comes_twice_is_counted_once(aws: Aws, scores: Scores) -> None:
    assert len(score(aws, scores, a_message(1, 2, 3))) == 3
    assert score(aws, scores, a_message(1, 2, 3)) == []
    assert (aws.counted("scored"), aws.counted("refused")) == (3, 0)
    assert aws.sent() == 0


def test_refused_lines_are_counted_as_such(aws: Aws, scores: Scores) -> None:
    message = a_message(1, 2)
    message["lines"][0]["company"] = None
    score(aws, scores, message)
    assert (aws.counted("scored"), aws.counted("refused")) == (1, 1)


def test_a_line_that_fails_is_sent_on_alone(aws: Aws, scores: Scores) -> None:
    scores.down.add("c-2")
    results = score(aws, scores, a_message(1, 2, 3))
    assert [result["line"] for result in results] == [1, 3]
    assert aws.counted("scored") == 2
    assert aws.sent() == 1


def test_a_message_that_comes_again_sends_the_lines_that_were_open_and_counts_none(
    aws: Aws, scores: Scores
) -> None:
    """Its first call was killed between the record and the sending; meanwhile the service is up."""
    scores.down.add("c-2")
    score(aws, scores, a_message(1, 2, 3))
    scores.down.clear()
    score(aws, scores, a_message(1, 2, 3))
    assert (aws.counted("scored"), aws.sent()) == (2, 2)
    for _ in range(2):
        score(aws, scores, WorkMessage(jobId="a", part="a/2", lines=a_message(2)["lines"]))
    assert aws.counted("scored") == 3


@pytest.mark.parametrize("numbers", [(1, 2), (1,)])
def test_what_fails_as_a_whole_is_the_queues_to_try_again(
    aws: Aws, scores: Scores, numbers: tuple[int, ...]
) -> None:
    scores.down.update(f"c-{n}" for n in numbers)
    with pytest.raises(ScoreServiceUnavailable, match=f"line {numbers[-1]}"):
        score(aws, scores, a_message(*numbers))
    assert (aws.counted("scored"), aws.sent()) == (0, 0)
    assert aws.dynamodb.scan(TableName="parts")["Items"] == []


def test_the_results_stand_with_the_part(aws: Aws, scores: Scores) -> None:
    score(aws, scores, a_message(1, 2))
    (item,) = aws.dynamodb.scan(TableName="parts")["Items"]
    assert [result["score"] for result in json.loads(item["results"]["S"])] == [500, 500]
