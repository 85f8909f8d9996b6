"""The micro-process batch as deployed, in virtual time: lines, batches, dead letters, second runs.

Relied upon: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html (the
index of an item), .../input-output-itembatcher.html (ItemSelector shapes each item of a batch),
.../maprun-fail-threshold.html (a failed child's items count), .../input-output-resultwriter.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO

import pytest

from lambdas.sandbox.logic.score_service import OUTAGE
from scripts import replay_dead_letters
from sfnlocal.testing import LocalApp, Run
from tests.workflows.companies import fails, put, read_lines
from workflows.score_map_run import BATCH_LINES


def put_csv(sfn: LocalApp, ids: Iterable[str]) -> None:
    put(sfn, "jobs/a.csv", "companyId,name\n" + "".join(f"{i},Company {i}\n" for i in ids))


def score(sfn: LocalApp, key: str = "jobs/a.csv") -> Run:
    return sfn.run("ScoreCompanies", {"key": key}, "a")


def replay(sfn: LocalApp) -> Run:
    """The operator runs the replay script."""
    with redirect_stdout(StringIO()):
        replay_dead_letters.main(
            [
                *("--queue-url", sfn.queue_url("ScoreDeadLetters")),
                *("--table", sfn.table("ScoreLetters")),
                *("--wait-s", "0"),
            ]
        )
    sfn.run_until_idle()
    return sfn.executions("ScoreCompanies")[-1]


def test_every_line_of_a_csv_gets_its_score(sfn: LocalApp) -> None:
    put_csv(sfn, [f"c-{n}" for n in range(45)])
    run = score(sfn).assert_succeeded()
    assert run.output["status"] == "SCORED"
    assert (run.output["scored"], run.output["refused"]) == (45, 0)
    results = read_lines(sfn, "results/a/")
    assert [(r["line"], r["companyId"]) for r in results] == [(n + 2, f"c-{n}") for n in range(45)]
    assert all(300 <= r["score"] <= 850 for r in results)
    assert sfn.messages("ScoreDeadLetters") == []


def test_json_lines_are_counted_from_the_first(sfn: LocalApp) -> None:
    put(sfn, "jobs/a.jsonl", '{"companyId": "c-1"}\n{"companyId": "c-2"}\n')
    score(sfn, "jobs/a.jsonl").assert_succeeded()
    assert [(r["line"], r["companyId"]) for r in read_lines(sfn, "results/a/")] == [
        (1, "c-1"),
        (2, "c-2"),
    ]


def test_a_file_without_lines_is_done_at_once(sfn: LocalApp) -> None:
    put_csv(sfn, [])
    assert score(sfn).assert_succeeded().output["scored"] == 0


def test_a_line_that_can_have_no_score_is_an_outcome_and_no_dead_letter(sfn: LocalApp) -> None:
    put_csv(sfn, ["c-1", "", "no spaces, please", "unknown-7"])
    run = score(sfn).assert_succeeded()
    assert (run.output["scored"], run.output["refused"]) == (1, 3)
    refused = [r for r in read_lines(sfn, "results/a/") if "refused" in r]
    assert [r["line"] for r in refused] == [3, 4, 5]
    assert {r["refused"]["path"] for r in refused} == {"companyId"}
    assert sfn.messages("ScoreDeadLetters") == []


def test_a_short_outage_is_waited_out(sfn: LocalApp) -> None:
    put_csv(sfn, ["c-1", "c-2"])
    fails(sfn, OUTAGE, calls=3)
    assert score(sfn).assert_succeeded().output["scored"] == 2


def test_a_line_that_fails_takes_no_other_along_and_is_told_with_its_number(
    sfn: LocalApp,
) -> None:
    put_csv(sfn, [f"c-{n}" for n in range(30)])
    fails(sfn, "c-7")
    score(sfn).assert_failed("LinesFailed")
    assert len([r for r in read_lines(sfn, "results/a/") if "score" in r]) == 29
    (failed,) = read_lines(sfn, "failed/a.jsonl")
    assert (failed["line"], failed["error"]) == (9, "ScoreServiceUnavailable")
    assert failed["company"] == {"companyId": "c-7"}
    (letter,) = sfn.messages("ScoreDeadLetters")
    assert letter["cause"] == {"failed": 1, "lines": [9], "key": "failed/a.jsonl"}
    assert letter["input"] == {"key": "jobs/a.csv"}
    assert letter["replayInput"] == {"key": "failed/a.jsonl"}


def test_the_replay_takes_the_failed_lines_and_no_others(sfn: LocalApp) -> None:
    put_csv(sfn, [f"c-{n}" for n in range(30)])
    fails(sfn, "c-7")
    fails(sfn, "c-21")
    score(sfn).assert_failed("LinesFailed")
    fails(sfn, "c-7", calls=0)
    second = replay(sfn).assert_failed("LinesFailed")
    assert second.execution.name == "a-replay-1"
    assert [r["line"] for r in read_lines(sfn, "results/a-replay-1/")] == [9, 23]
    fails(sfn, "c-21", calls=0)
    third = replay(sfn).assert_succeeded()
    assert (third.execution.name, third.output["scored"]) == ("a-replay-2", 1)
    scored = [r for r in read_lines(sfn, "results/") if "score" in r]
    assert [r["line"] for r in scored] == list(range(2, 32))
    assert sfn.messages("ScoreDeadLetters") == []


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_line_as_large_as_an_item_may_be_takes_no_other_along(sfn: LocalApp, form: str) -> None:
    """A child's input has 262,144 bytes at the most, and its Task's arguments are longer still:
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
    large = {"companyId": "c-0", "note": "x" * 262_000}
    lines = [large, {"companyId": "y" * 200}, *({"companyId": f"c-{n}"} for n in range(1, 3))]
    rows = [json.dumps(line) for line in lines]
    if form == "csv":
        rows = [
            "companyId,note",
            *(f"{line['companyId']},{line.get('note', '')}" for line in lines),
        ]
    put(sfn, f"jobs/a.{form}", "\n".join(rows) + "\n")
    run = score(sfn, f"jobs/a.{form}").assert_succeeded()
    assert (run.output["scored"], run.output["refused"]) == (3, 1)


def test_a_batch_that_fails_as_a_whole_is_tolerated_and_its_lines_are_told(sfn: LocalApp) -> None:
    put_csv(sfn, [f"c-{n}" for n in range(10 * BATCH_LINES)])
    for n in range(BATCH_LINES):
        fails(sfn, f"c-{n}")
    run = score(sfn).assert_failed("LinesFailed")
    assert json.loads(run.cause or "")["failed"] == BATCH_LINES
    assert [r["line"] for r in read_lines(sfn, "failed/a.jsonl")] == list(range(2, BATCH_LINES + 2))


def test_an_outage_that_lasts_ends_the_run_and_its_replay_takes_the_whole_file(
    sfn: LocalApp,
) -> None:
    put_csv(sfn, [f"c-{n}" for n in range(30)])
    fails(sfn, OUTAGE)
    score(sfn).assert_failed("States.ExceedToleratedFailureThreshold")
    (letter,) = sfn.messages("ScoreDeadLetters")
    assert (letter["state"], letter["replayInput"]) == ("ScoreCsv", {"key": "jobs/a.csv"})
    fails(sfn, OUTAGE, calls=0)
    assert replay(sfn).assert_succeeded().output["scored"] == 30


def test_a_file_that_is_not_there_is_a_dead_letter_after_a_few_attempts(sfn: LocalApp) -> None:
    score(sfn).assert_failed("States.ItemReaderFailed")
    (letter,) = sfn.messages("ScoreDeadLetters")
    assert (letter["state"], letter["attempts"]) == ("ScoreCsv", 3)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        [],
        {"key": 7},
        {"key": "a.csv"},
        {"key": "jobs/a.txt"},
        {"key": "jobs/../b.csv"},
        {"key": "results/a/x.jsonl"},
        {"key": "failed/a.csv"},
    ],
)
def test_a_key_that_does_not_fit_is_rejected_and_is_no_dead_letter(
    sfn: LocalApp, bad: object
) -> None:
    run = sfn.run("ScoreCompanies", bad, "a").assert_succeeded()
    assert (run.output["status"], run.output["path"]) == ("REJECTED", "key")
    assert sfn.messages("ScoreDeadLetters") == []
