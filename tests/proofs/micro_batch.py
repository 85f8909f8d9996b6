"""The micro-process batch in both forms: every single fault from the file to the last score."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sfnlocal.driver.mocks import CALL, Success
from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.proofs.nets import net_of
from tests.workflows.companies import fails, progress, put, queued_results, read_lines

NAME = "a"
COMPANIES = ("c-1", "unknown-1")
# Of the Map Run; proofs import no workflow, since that starts the CDK.
BATCH_LINES = 20
# One line more than a batch: where it fails, so does its batch, and that is tolerated.
TWO_BATCHES = tuple(f"c-{number}" for number in range(BATCH_LINES + 1))
LAST = TWO_BATCHES[-1]
FOR_EVER = 1_000

LINE_FAILS = (Fault("state:ScoreCompanies/ScoreCsvLine#1", "refused:UnforeseenError"),)
ENQUEUING_FAILS = (Fault("state:EnqueueCompanies/EnqueuePart#1", "refused:UnforeseenError"),)
IGNORED = {
    "ScoreLetters": "the archive keeps each letter",
    "ScoreLostEvents": "what could not be started: the sweep makes up for it",
    "ScoreOutages": "how often a company that is down was asked for",
}


def a_file(
    key: str, companies: Sequence[str] = COMPANIES, *, down: str | None = None
) -> Callable[[LocalApp], None]:
    """The service does not answer for the company that is down."""

    def prepare(app: LocalApp) -> None:
        put(app, key, _text(key, companies))
        if down:
            fails(app, down, calls=FOR_EVER)

    return prepare


def _text(key: str, companies: Sequence[str]) -> str:
    if key.endswith(".csv"):
        return "companyId\n" + "".join(f"{company}\n" for company in companies)
    lines: Sequence[object] = [{"companyId": company} for company in companies]
    if key.startswith("failed/"):
        lines = [{"line": number, "company": line} for number, line in enumerate(lines, start=7)]
    return "".join(json.dumps(line) + "\n" for line in lines)


def scenario(
    name: str,
    key: str,
    about: str = "",
    *given: Fault,
    down: str | None = None,
    **more: Any,
) -> Scenario:
    return Scenario(
        name=name,
        about=about,
        input={"key": key},
        execution_name=NAME,
        prepare=a_file(key, down=down),
        given=given,
        **more,
    )


def fails_at_length(machine: str, state: str, key: str) -> Scenario:
    return Scenario(
        name="fails-at-length",
        about="input and cause are too large for a letter",
        input={"key": key, "note": "x" * 200_000},
        execution_name=NAME,
        prepare=a_file(key),
        given=[Fault(f"state:{machine}/{state}#1", "long-cause")],
        only=["StoreInput"],
        expect="FAILED",
    )


def in_two_parts(app: LocalApp) -> None:
    """The first call comes to no line, as if a part ended before it."""
    nothing = Success({"Payload": {"offset": 0, "line": 0, "done": False}})
    app.mock("EnqueueCompanies", "EnqueuePart", [nothing, CALL])
    app.start("EnqueueCompanies", {"key": "jobs/a.jsonl"}, NAME)


# What holds


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


SCORE_COMPANIES = Proof(
    state_machine="ScoreCompanies",
    scenarios=[
        scenario("csv", "jobs/a.csv"),
        scenario("json-lines", "jobs/a.jsonl"),
        scenario("failed-lines", "failed/b.jsonl", "a second run"),
        scenario("line-fails", "jobs/a.csv", "", *LINE_FAILS, expect="FAILED"),
        *(
            Scenario(
                name=f"batch-fails-{form}",
                about="one batch of two",
                input={"key": f"jobs/a.{form}"},
                execution_name=NAME,
                prepare=a_file(f"jobs/a.{form}", TWO_BATCHES, down=LAST),
                only=("CollectFailed",),
                expect="FAILED",
            )
            for form in ("csv", "jsonl")
        ),
        Scenario(
            name="no-file",
            about="the replay finds it",
            input={"key": "jobs/a.jsonl"},
            execution_name=NAME,
            recover=a_file("jobs/a.jsonl"),
            expect="FAILED",
            only=("s3.GetObject",),
            bring_back=True,
        ),
        scenario("rejected", "elsewhere/a.csv"),
        fails_at_length("ScoreCompanies", "CollectFailed", "jobs/a.csv"),
    ],
    dead_letters="ScoreDeadLetters",
    replay=replay_from("ScoreLetters"),
    letter_states=LETTER_STATES,
    schedules=("Scores/ScoreSweep/Hourly",),
    invariants=[every_line_has_its_result],
    ignore={
        **IGNORED,
        "ScoreFiles": "the results' keys have the names of the run and of the Map Run",
    },
)

ENQUEUE_COMPANIES = Proof(
    state_machine="EnqueueCompanies",
    scenarios=[
        scenario("enqueued", "jobs/a.jsonl"),
        scenario("line-fails", "jobs/a.jsonl", down="c-1"),
        scenario("rejected", "jobs/a.csv"),
        Scenario(
            name="in-parts",
            about="the file is longer than a call can cut",
            prepare=a_file("jobs/a.jsonl"),
            start=in_two_parts,
        ),
        scenario("fails", "jobs/a.jsonl", "", *ENQUEUING_FAILS, expect="FAILED"),
        fails_at_length("EnqueueCompanies", "EnqueuePart", "jobs/a.jsonl"),
    ],
    dead_letters="ScoreDeadLetters",
    replay=replay_from("ScoreLetters"),
    letter_states=LETTER_STATES,
    schedules=("Scores/ScoreSweep/Hourly",),
    effects={"line": scored_lines},
    invariants=[no_line_is_counted_twice, no_line_is_lost],
    at_least_once=("ScoreWork", "ScoreWorkDeadLetters"),
    ignore={
        **IGNORED,
        "ScoreJobs": "which shard counts a line depends on its message; the invariants add them up",
        "ScoreParts": "a line that failed has a part of its own; the invariants look at the lines",
    },
)

SCORE_RECORDER, SCORE_SWEEP = net_of(
    "EnqueueCompanies",
    "Score",
    {"key": "jobs/a.jsonl"},
    NAME,
    "ScoreDeadLetters",
    "ScoreLetters",
    asks="EnqueuePart",
    prepare=a_file("jobs/a.jsonl"),
    seconds=0,
    ignore={"ScoreOutages": IGNORED["ScoreOutages"]},
)
