"""The micro-process batch by a pushed queue, as deployed, in virtual time.

Relied upon: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html (maximum
concurrency), .../services-sqs-errorhandling.html (partial batch failures, redrive policy) and
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (why a
transaction was cancelled, and the item that was in the way).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from lambdas.micro_batch.logic.enqueue_part import MESSAGE_LINES
from lambdas.sandbox.logic.score_service import OUTAGE
from sfnlocal.testing import CALL, LocalApp, Lost, Run
from tests.workflows.companies import ALWAYS, fails, progress, put, queued_results


@pytest.fixture
def sfn(sfn: LocalApp) -> LocalApp:
    sfn.pause_schedules(except_for=["Scores/ScoreSweep/Hourly"])
    return sfn


def put_lines(sfn: LocalApp, ids: Iterable[str]) -> None:
    put(sfn, "jobs/a.jsonl", "".join(json.dumps({"companyId": i}) + "\n" for i in ids))


def enqueue(sfn: LocalApp, name: str = "first") -> Run:
    return sfn.run("EnqueueCompanies", {"key": "jobs/a.jsonl"}, name)


def test_every_line_is_scored_and_counted(sfn: LocalApp) -> None:
    put_lines(sfn, [f"c-{n}" for n in range(25)])
    run = enqueue(sfn).assert_succeeded()
    assert run.output == {"status": "ENQUEUED", "jobId": "a", "lines": 25}
    sfn.advance(minutes=5)
    assert progress(sfn) == {"lines": 25, "scored": 25, "refused": 0}
    assert [(r["line"], r["companyId"]) for r in queued_results(sfn)] == [
        (n + 1, f"c-{n}") for n in range(25)
    ]
    assert len(sfn.items("ScoreParts")) == 3


def test_both_forms_give_the_same_scores(sfn: LocalApp) -> None:
    put_lines(sfn, ["c-1", "unknown-1"])
    enqueue(sfn)
    sfn.advance(minutes=5)
    run = sfn.run("ScoreCompanies", {"key": "jobs/a.jsonl"}, "a").assert_succeeded()
    counted = progress(sfn)
    assert (run.output["scored"], run.output["refused"]) == (counted["scored"], counted["refused"])


def test_a_line_that_can_have_no_score_is_an_outcome(sfn: LocalApp) -> None:
    put(
        sfn,
        "jobs/a.jsonl",
        '{"companyId": "c-1"}\nno json\n\n{"companyId": 7}\n{"companyId": "unknown-1"}',
    )
    enqueue(sfn).assert_succeeded()
    sfn.advance(hours=1)
    assert progress(sfn) == {"lines": 5, "scored": 1, "refused": 4}
    assert [r["line"] for r in queued_results(sfn) if "refused" in r] == [2, 3, 4, 5]
    assert sfn.messages("ScoreWorkDeadLetters") == []


def test_an_empty_file_is_a_job_of_no_lines(sfn: LocalApp) -> None:
    put(sfn, "jobs/a.jsonl", "")
    assert enqueue(sfn).assert_succeeded().output["lines"] == 0
    assert progress(sfn)["lines"] == 0


def test_an_outage_is_tried_again_by_the_queue(sfn: LocalApp) -> None:
    put_lines(sfn, ["c-1", "c-2"])
    fails(sfn, OUTAGE, calls=4)
    sfn.start("EnqueueCompanies", {"key": "jobs/a.jsonl"})
    sfn.advance(minutes=5)
    assert progress(sfn)["scored"] == 0
    sfn.advance(minutes=10)
    assert progress(sfn)["scored"] == 2


def test_a_line_that_fails_goes_on_alone_and_becomes_the_only_dead_letter(sfn: LocalApp) -> None:
    put_lines(sfn, [f"c-{n}" for n in range(MESSAGE_LINES)])
    fails(sfn, "c-7")
    enqueue(sfn)
    sfn.advance(minutes=5)
    assert progress(sfn)["scored"] == MESSAGE_LINES - 1
    sfn.advance(hours=1)
    (letter,) = sfn.messages("ScoreWorkDeadLetters")
    assert letter == {
        "jobId": "a",
        "part": "a/8",
        "lines": [{"line": 8, "company": {"companyId": "c-7"}}],
    }


def test_a_redrive_of_the_dead_letters_takes_the_failed_lines_and_no_others(
    sfn: LocalApp,
) -> None:
    put_lines(sfn, [f"c-{n}" for n in range(MESSAGE_LINES)])
    fails(sfn, "c-7")
    enqueue(sfn)
    sfn.advance(hours=1)
    fails(sfn, "c-7", calls=0)
    sqs = sfn.client("sqs")
    attributes = sqs.get_queue_attributes(
        QueueUrl=sfn.queue_url("ScoreWorkDeadLetters"), AttributeNames=["QueueArn"]
    )["Attributes"]
    sqs.start_message_move_task(SourceArn=attributes["QueueArn"])
    sfn.advance(minutes=5)
    assert progress(sfn)["scored"] == MESSAGE_LINES
    assert sfn.messages("ScoreWorkDeadLetters") == []
    assert [r["line"] for r in queued_results(sfn)] == list(range(1, MESSAGE_LINES + 1))


def test_an_outage_that_lasts_leaves_every_line_among_the_dead_letters(sfn: LocalApp) -> None:
    put_lines(sfn, [f"c-{n}" for n in range(15)])
    fails(sfn, OUTAGE, calls=ALWAYS)
    enqueue(sfn)
    sfn.advance(hours=1)
    letters = sfn.messages("ScoreWorkDeadLetters")
    assert sorted(line["line"] for letter in letters for line in letter["lines"]) == list(
        range(1, 16)
    )


def test_a_job_that_is_enqueued_again_counts_no_line_twice(sfn: LocalApp) -> None:
    put_lines(sfn, ["c-1", "c-2"])
    enqueue(sfn)
    sfn.advance(minutes=5)
    enqueue(sfn, "second").assert_succeeded()
    sfn.advance(minutes=5)
    assert progress(sfn) == {"lines": 2, "scored": 2, "refused": 0}


def test_a_part_whose_answer_was_lost_is_enqueued_again_and_counted_once(sfn: LocalApp) -> None:
    put_lines(sfn, ["c-1", "c-2"])
    sfn.mock("EnqueueCompanies", "EnqueuePart", [Lost("Lambda.SdkClientException"), CALL])
    run = enqueue(sfn).assert_succeeded()
    assert run.attempts("EnqueuePart") == 2
    sfn.advance(minutes=5)
    assert progress(sfn) == {"lines": 2, "scored": 2, "refused": 0}


def test_the_mapping_keeps_to_its_limit(sfn: LocalApp) -> None:
    (mapping,) = [
        resource
        for resource in sfn.app.resources
        if resource.type == "AWS::Lambda::EventSourceMapping" and "ScoreMessage" in resource.path
    ]
    assert mapping.properties["ScalingConfig"] == {"MaximumConcurrency": 20}
    assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("bad", [{}, {"key": "jobs/a.csv"}, {"key": "failed/a.jsonl"}])
def test_a_key_that_does_not_fit_is_rejected_and_is_no_dead_letter(
    sfn: LocalApp, bad: object
) -> None:
    run = sfn.run("EnqueueCompanies", bad).assert_succeeded()
    assert (run.output["status"], run.output["path"]) == ("REJECTED", "key")
    assert sfn.messages("ScoreDeadLetters") == []


def test_a_file_that_is_not_there_is_a_dead_letter(sfn: LocalApp) -> None:
    enqueue(sfn).assert_failed("NoSuchKey")
    (letter,) = sfn.messages("ScoreDeadLetters")
    assert letter["state"] == "EnqueuePart"
