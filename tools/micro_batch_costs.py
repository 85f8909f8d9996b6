"""What the two forms of the micro-process batch take, from 100 to 1,000,000 lines, written into
docs/workflows/micro-batch.md: `python -m tools.micro_batch_costs` (part of `make docs`).

Both forms are run here twice, with more lines or parts the second time: the difference is what a
line or a part takes, and is multiplied. Assumed: the score service answers in 100 ms, and Lambda's
own log lines have 700 bytes a call. Prices are those of stacks/prices.json.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from lambdas.micro_batch.logic.enqueue_part import MESSAGE_LINES, PART_LINES
from lambdas.micro_batch.logic.work_queue import MESSAGES_PER_CALL_MAX
from sfnlocal.reports.transitions import state_transitions
from sfnlocal.template import App, find_resource, load_app
from sfnlocal.testing import LocalApp, Success, load
from stacks.prices import PRICES
from stacks.score_functions import MESSAGES_AT_ONCE
from workflows.score_map_run import BATCH_LINES, BATCHES_AT_ONCE, LINES_AT_ONCE

PAGE = Path(__file__).resolve().parent.parent / "docs" / "workflows" / "micro-batch.md"
_TABLE = re.compile(r"(<!-- costs -->\n).*?(<!-- /costs -->)", re.DOTALL)

LINES = (100, 1_000, 10_000, 100_000, 1_000_000)
FEWER, MORE = 100, 200

SCORE_S = 0.1
FUNCTION_GB = 0.25
PLATFORM_LOG_BYTES = 700
# CloudWatch counts these for each event.
LOG_EVENT_BYTES = 26
# A part is read and sent in some seconds, by 0.5 GB; a result is collected in 10 us, by 1 GB.
PART_GB_S = 2 * 0.5
COLLECTED_GB_S = 10e-6
# Express rounds its memory up to 64 MB.
EXPRESS_GB = 64 / 1024
# A transaction writes each of its two items twice.
WRITE_UNITS = 4


@dataclass(frozen=True, slots=True)
class Taken:
    """By one job: the events of all its histories, the transitions and the log of its machine."""

    events: float
    transitions: float
    log_bytes: float

    def at(self, count: float, other: Taken, other_count: float, wanted: float) -> Taken:
        """On the straight line through this and another, at a wanted count."""
        by = (wanted - count) / (other_count - count)
        return Taken(
            self.events + by * (other.events - self.events),
            self.transitions + by * (other.transitions - self.transitions),
            self.log_bytes + by * (other.log_bytes - self.log_bytes),
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one job: `longest` is how many events its longest history has."""

    longest: int
    events: int
    seconds: float
    dollars: float
    logs_dollars: float


class Costs:
    def __init__(self, app: App) -> None:
        self._prices: dict[str, float] = json.loads(PRICES.read_text("utf-8"))
        self._map = _map_run(app, FEWER), _map_run(app, MORE)
        self._queue = _enqueuing(app, 1), _enqueuing(app, 2)

    def map_run(self, lines: int) -> Figures:
        prices = self._prices
        (fewer, longest), (more, _) = self._map
        taken = fewer.at(FEWER, more, MORE, lines)
        batches = math.ceil(lines / BATCH_LINES)
        batch_s = math.ceil(BATCH_LINES / LINES_AT_ONCE) * SCORE_S
        logs = self._logs(taken.log_bytes + lines * PLATFORM_LOG_BYTES)
        dollars = (
            taken.transitions * prices["standardTransition"]
            + batches * prices["expressRequest"]
            + batches * batch_s * EXPRESS_GB * prices["expressGbSecond"]
            + (lines + 1) * prices["lambdaRequest"]
            + lines * (SCORE_S * FUNCTION_GB + COLLECTED_GB_S) * prices["lambdaArmGbSecond"]
            + logs
        )
        waves = math.ceil(batches / BATCHES_AT_ONCE)
        return Figures(longest, round(taken.events), waves * batch_s, dollars, logs)

    def queue(self, lines: int) -> Figures:
        prices = self._prices
        (one, _), (two, _) = self._queue
        parts, messages = math.ceil(lines / PART_LINES), math.ceil(lines / MESSAGE_LINES)
        taken = one.at(1, two, 2, parts)
        message_s = MESSAGE_LINES * SCORE_S
        logs = self._logs(taken.log_bytes + (parts + messages) * PLATFORM_LOG_BYTES)
        dollars = (
            taken.transitions * prices["standardTransition"]
            + (parts + messages) * prices["lambdaRequest"]
            + (parts * PART_GB_S + messages * message_s * FUNCTION_GB) * prices["lambdaArmGbSecond"]
            # Sent by tens, received and deleted one by one.
            + (messages / MESSAGES_PER_CALL_MAX + 2 * messages) * prices["sqsRequest"]
            + messages * WRITE_UNITS * prices["dynamoDbWriteUnit"]
            + logs
        )
        events = round(taken.events)
        waves = math.ceil(messages / MESSAGES_AT_ONCE)
        return Figures(events, events, waves * message_s, dollars, logs)

    def _logs(self, size_bytes: float) -> float:
        return size_bytes / 1e9 * self._prices["logsGb"]


def _map_run(app: App, lines: int) -> tuple[Taken, int]:
    """A job of so many lines, and the events of its own history."""
    with load(app, iam=False) as running:
        bucket = find_resource(app, "ScoreFiles", "AWS::S3::Bucket").name
        body = "".join(json.dumps({"companyId": f"c-{n:07}"}) + "\n" for n in range(lines))
        running.client("s3").put_object(Bucket=bucket, Key="jobs/a.jsonl", Body=body.encode())
        return _taken(running, "ScoreCompanies")


def _enqueuing(app: App, parts: int) -> tuple[Taken, int]:
    """A job of so many parts; what they enqueue does not matter here."""
    with load(app, iam=False) as running:
        turns = [{"offset": n, "line": n, "done": n == parts} for n in range(1, parts + 1)]
        running.mock(
            "EnqueueCompanies", "EnqueuePart", [Success({"Payload": turn}) for turn in turns]
        )
        return _taken(running, "EnqueueCompanies")


def _taken(running: LocalApp, machine: str) -> tuple[Taken, int]:
    run = running.run(machine, {"key": "jobs/a.jsonl"}, "a").assert_succeeded()
    histories = [len(each.execution.history) for each in running.executions()]
    taken = Taken(
        events=sum(histories),
        transitions=state_transitions(run.execution),
        log_bytes=_log_bytes(running, machine),
    )
    return taken, len(run.execution.history)


def _log_bytes(running: LocalApp, machine: str) -> int:
    logs = running.client("logs")
    (group,) = [
        found["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix="/aws/vendedlogs/states/"
        )
        for found in page["logGroups"]
        if found["logGroupName"].endswith(f"-{machine}")
    ]
    return sum(
        len(event["message"].encode()) + LOG_EVENT_BYTES
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    )


def table(costs: Costs) -> str:
    """The page's table: a row for each number of lines."""
    head = ("lines", *("events", "time", "USD", "of it logs") * 2)
    rows = [_row(*head), _row(*("---:" for _ in head))]
    for lines in LINES:
        cells = (_cells(costs.map_run(lines)), _cells(costs.queue(lines)))
        rows.append(_row(f"{lines:,}", *(cell for form in cells for cell in form)))
    return "\n".join(rows) + "\n"


def written(text: str, costs: Costs) -> str:
    """The page's text with the table as it is now."""
    rows = table(costs)
    return _TABLE.sub(lambda found: f"{found[1]}{rows}{found[2]}", text)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(figures: Figures) -> tuple[str, str, str, str]:
    events = f"{figures.events:,}"
    if figures.longest < figures.events:
        events += f" (longest history {figures.longest})"
    minutes, seconds = divmod(figures.seconds, 60)
    time = f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:.1f} s"
    return events, time, f"{figures.dollars:.4f}", f"{figures.logs_dollars:.4f}"


if __name__ == "__main__":
    now = Costs(load_app(Path("cdk.out")))
    PAGE.write_text(written(PAGE.read_text("utf-8"), now), "utf-8")
