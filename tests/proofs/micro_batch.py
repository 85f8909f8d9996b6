"""The micro-process batch in both forms: every single fault from the file to the last score."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.workflows.test_micro_batch_queue_runs import progress
from tests.workflows.test_micro_batch_queue_runs import results as queued_results
from tests.workflows.test_micro_batch_runs import fails, put, read_lines

COMPANIES = ("c-1", "c-2", "unknown-1")
ARCHIVE = {"ScoreLetters": "the archive keeps each letter"}


def a_file(key: str, *, down: str | None = None) -> Callable[[LocalApp], None]:
    """Three lines; the service does not answer for the company that is down."""

    def prepare(app: LocalApp) -> None:
        if key.endswith(".csv"):
            put(app, key, "companyId\n" + "".join(f"{company}\n" for company in COMPANIES))
        elif key.startswith("failed/"):
            lines = enumerate(COMPANIES, start=7)
            put(app, key, "".join(_failed(*line) for line in lines))
        else:
            put(app, key, "".join(f'{{"companyId": "{company}"}}\n' for company in COMPANIES))
        if down:
            fails(app, down, calls=100)

    return prepare


def _failed(line: int, company: str) -> str:
    return json.dumps({"line": line, "company": {"companyId": company}}) + "\n"


def every_line_has_its_result(app: LocalApp) -> None:
    """Where a run has succeeded, no line is without a result: its own, or one of the runs before
    that it replays."""
    runs = app.executions("ScoreCompanies")
    if runs and runs[-1].status == "SUCCEEDED" and "scored" in runs[-1].output:
        scored = (each for each in read_lines(app, "results/") if "error" not in each)
        found = {each["line"] for each in scored if "line" in each}
        assert len(found) == len(COMPANIES), f"results of {sorted(found)} only"


def no_line_is_counted_twice(app: LocalApp) -> None:
    counted, found = progress(app), queued_results(app)
    assert counted.get("scored", 0) + counted.get("refused", 0) == len(found)
    numbers = [each["line"] for each in found]
    assert len(numbers) == len(set(numbers)), numbers


def no_line_is_lost(app: LocalApp) -> None:
    """Of a job that is enqueued, each line has its result, waits for it, or is a dead letter."""
    if any("lines" in item for item in app.items("ScoreJobs")):
        messages = [*app.messages("ScoreWork"), *app.messages("ScoreWorkDeadLetters")]
        found = {each["line"] for each in queued_results(app)}
        found |= {line["line"] for message in messages for line in message["lines"]}
        assert found == set(range(1, len(COMPANIES) + 1)), found


def scored_lines(app: LocalApp) -> dict[str, int]:
    return {str(each["line"]): 1 for each in queued_results(app)}


def scenario(name: str, key: str, **more: Any) -> Scenario:
    return Scenario(
        name=name,
        input={"key": key},
        execution_name="a",
        prepare=a_file(key, down=more.pop("down", None)),
        **more,
    )


SCORE_COMPANIES = Proof(
    state_machine="ScoreCompanies",
    scenarios=[
        scenario("csv", "jobs/a.csv"),
        scenario("json-lines", "jobs/a.jsonl"),
        scenario("failed-lines", "failed/b.jsonl"),
        scenario("line-fails", "jobs/a.csv", down="c-1", expect="FAILED"),
        scenario("rejected", "elsewhere/a.csv"),
    ],
    dead_letters="ScoreDeadLetters",
    replay=replay_from("ScoreLetters"),
    letter_states=LETTER_STATES,
    invariants=[every_line_has_its_result],
    ignore={
        **ARCHIVE,
        "ScoreFiles": "the results' keys have the names of the run and of the Map Run",
        "ScoreOutages": "how often a company that is down was asked for",
    },
)

ENQUEUE_COMPANIES = Proof(
    state_machine="EnqueueCompanies",
    scenarios=[
        scenario("enqueued", "jobs/a.jsonl"),
        scenario("line-fails", "jobs/a.jsonl", down="c-1"),
        scenario("rejected", "jobs/a.csv"),
    ],
    dead_letters="ScoreDeadLetters",
    replay=replay_from("ScoreLetters"),
    letter_states=LETTER_STATES,
    effects={"line": scored_lines},
    invariants=[no_line_is_counted_twice, no_line_is_lost],
    at_least_once=("ScoreWork", "ScoreWorkDeadLetters"),
    ignore={
        **ARCHIVE,
        "ScoreJobs": "which shard counts a line depends on its message; the invariants add them up",
        "ScoreParts": "a line that failed has a part of its own; the invariants look at the lines",
        "ScoreOutages": "how often a company that is down was asked for",
    },
)
