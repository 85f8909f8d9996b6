"""A Map Run: what a Map state in distributed mode knows of its child executions, as plain data.

It keeps counts, not executions: whoever has ended is forgotten here. Results are kept only where
the state returns them, and only as long as they fit into its output.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from sfnlocal.interpreter.steps import Machine
from sfnlocal.jsontext import json_bytes
from sfnlocal.language.program import ItemReader, Transformation
from sfnlocal.limits import MAP_INPUT_BYTES_MAX, MAP_RUN_CONCURRENCY_MAX, PAYLOAD_BYTES_MAX
from sfnlocal.ports import Json

# Of a child execution, in the order of DescribeMapRun.
STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Read(NamedTuple):
    """What an ItemReader reads: `arguments` are those of its S3 action, `items_max` 0 is all."""

    reader: ItemReader
    arguments: dict[str, Json]
    items_max: int


class Export(NamedTuple):
    """Where a ResultWriter writes to, and how."""

    arguments: dict[str, Json]
    json_lines: bool


class ChildInput(NamedTuple):
    value: Json
    items: int


@dataclass(frozen=True, slots=True, order=True)
class Unsuccessful:
    """A child execution that ended so, with so many items."""

    index: int
    status: str
    items: int


def _zeros() -> dict[str, int]:
    return dict.fromkeys(STATUSES, 0)


@dataclass(slots=True, kw_only=True, eq=False)
class MapRun:
    """`items` are the state's own where there is no `read`. `max_concurrency` 0 is as many as AWS
    runs; a tolerated limit of None was not given. `waiting` are inputs that no child has yet,
    `unsuccessful` are children by index, `pending_redrive` those of them that run again."""

    arn: str
    execution_arn: str
    label: str
    machine: Machine
    express: bool
    start_ms: int
    max_concurrency: int
    tolerated_count: int | None
    tolerated_percentage: float | None
    transformation: Transformation
    keeps_results: bool
    items: list[Json] = field(default_factory=list)
    read: Read | None = None
    export: Export | None = None
    batch_items_max: int = 1
    batch_bytes_max: int = MAP_INPUT_BYTES_MAX
    batch_input: Json = None
    status: str = "RUNNING"
    stop_ms: int | None = None
    error: str | None = None
    cause: str | None = None
    reading: bool = False
    all_read: bool = False
    items_read: int = 0
    children: int = 0
    batch: list[Json] = field(default_factory=list)
    batch_bytes: int = 0
    waiting: deque[ChildInput] = field(default_factory=deque)
    item_counts: dict[str, int] = field(default_factory=_zeros)
    execution_counts: dict[str, int] = field(default_factory=_zeros)
    unsuccessful: dict[int, Unsuccessful] = field(default_factory=dict)
    pending_redrive: deque[Unsuccessful] = field(default_factory=deque)
    redrive_count: int = 0
    redrive_ms: int | None = None
    results: dict[int, Json] = field(default_factory=dict)
    results_bytes: int = 2

    @property
    def free(self) -> int:
        """How many more child executions may run."""
        concurrency = min(self.max_concurrency or MAP_RUN_CONCURRENCY_MAX, MAP_RUN_CONCURRENCY_MAX)
        return concurrency - self.execution_counts["RUNNING"]

    def results_fit(self) -> bool:
        return self.results_bytes <= PAYLOAD_BYTES_MAX

    def child_started(self, items: int) -> int:
        """The new child's index."""
        index = self.children
        self.children += 1
        self.execution_counts["RUNNING"] += 1
        self.item_counts["RUNNING"] += items
        return index

    def child_ended(self, index: int, status: str, items: int, result: Json) -> None:
        self._count("RUNNING", -1, -items)
        self._count(status, 1, items)
        if status != "SUCCEEDED":
            self.unsuccessful[index] = Unsuccessful(index, status, items)
        if not self.keeps_results or not self.results_fit():
            return
        if index in self.results:
            self.results_bytes -= json_bytes(self.results[index]) + 1
        self.results_bytes += json_bytes(result) + 1
        if self.results_fit():
            self.results[index] = result
        else:
            self.results.clear()

    def _count(self, status: str, executions: int, items: int) -> None:
        self.execution_counts[status] += executions
        self.item_counts[status] += items

    def begin_again(self, now_ms: int) -> None:
        """It is redriven: who did not succeed is to run again."""
        self.redrive_count += 1
        self.redrive_ms = now_ms
        self.status = "RUNNING"
        if self.error == "States.ItemReaderFailed":
            self.all_read = False
        self.stop_ms = self.error = self.cause = None
        self.reading = False
        for child in sorted(self.unsuccessful.values()):
            self._count(child.status, -1, -child.items)
            self.pending_redrive.append(child)
        self.unsuccessful.clear()

    def child_redriven(self) -> int:
        """The index of the next child that runs again."""
        child = self.pending_redrive.popleft()
        self._count("RUNNING", 1, child.items)
        return child.index

    def give_up_redrives(self) -> None:
        """It has ended before they could run again: they stay what they were."""
        for child in self.pending_redrive:
            self._count(child.status, 1, child.items)
            self.unsuccessful[child.index] = child
        self.pending_redrive.clear()

    @property
    def too_many_failed(self) -> bool:
        """Whether more items failed than are tolerated: none where no limit was given. A share of
        all items is known when all are read."""
        count, percentage = self.tolerated_count, self.tolerated_percentage
        failed = sum(self.item_counts[one] for one in ("FAILED", "TIMED_OUT", "ABORTED"))
        if count is None and percentage is None:
            return failed > 0
        if count is not None and failed > count:
            return True
        if percentage is None or not self.all_read:
            return False
        return failed * 100 > percentage * self.items_read
