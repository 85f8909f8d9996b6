"""The parts of a path: the visits to states, their attempts, and the branches inside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["succeeded", "caught", "failed", "aborted", "waiting"]


@dataclass(slots=True)
class Attempt:
    """One try of a state's work. `failed` tells, since a failure may come without an error name.
    `branches` are a Parallel state's branches or a Map state's iterations; `execution_arn` is the
    execution that a Task state started. `event` is the id of the event that it began with."""

    started_ms: int
    ended_ms: int | None = None
    failed: bool = False
    error: str | None = None
    cause: str | None = None
    execution_arn: str | None = None
    branches: list[Branch] = field(default_factory=list)
    event: int = 0


@dataclass(slots=True)
class Visit:
    """A state that was entered. `attempts` has one entry for a state that does no work outside;
    those before the last were retried. `resource` is a Task state's, as `service:action`.
    `entered_event` and `left_event` are ids of events; 0 where it was not left."""

    state: str
    type: str
    entered_ms: int
    left_ms: int | None = None
    outcome: Outcome = "waiting"
    resource: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    entered_event: int = 0
    left_event: int = 0

    @property
    def last_attempt(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def error(self) -> str | None:
        return self.attempts[-1].error if self.attempts else None

    @property
    def cause(self) -> str | None:
        return self.attempts[-1].cause if self.attempts else None


@dataclass(slots=True)
class Branch:
    """A Parallel branch or Map iteration, counted from 0."""

    index: int
    visits: list[Visit] = field(default_factory=list)


def all_visits(visits: list[Visit]) -> Iterator[Visit]:
    """The visits, each followed by those inside it."""
    for visit in visits:
        yield visit
        for attempt in visit.attempts:
            for branch in attempt.branches:
                yield from all_visits(branch.visits)
