"""Mocked answers by state and attempt: what a Task state's service would have said.

Outcomes are used in order, one an attempt; the last one stays. CALL lets the real service answer,
so "fails twice, then works" is `[Failure(...), Failure(...), CALL]`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sfnlocal.errors import InputError
from sfnlocal.ports import InvokeTask, Json, TaskAnswer


@dataclass(frozen=True, slots=True)
class Success:
    """The service answers `output`; `elapsed_ms` of virtual time pass until then."""

    output: Json
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    error: str
    cause: str = ""
    elapsed_ms: int = 0


class _Call:
    def __repr__(self) -> str:
        return "CALL"


CALL: Final = _Call()
Outcome: TypeAlias = Success | Failure | _Call


class Mocks:
    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str], list[Outcome]] = {}

    def add(self, state_machine_arn: str, state: str, outcomes: Iterable[Outcome]) -> None:
        """Replaces what was mocked for this state before. No outcomes: the mock is taken away."""
        listed = list(outcomes)
        for outcome in listed:
            if not isinstance(outcome, Success | Failure | _Call):
                raise InputError(
                    f"not an outcome: {outcome!r}",
                    where=f"mock of state '{state}'",
                    hint="use Success(output), Failure(error, cause) or CALL",
                )
        self._outcomes[state_machine_arn, state] = listed

    def answer(self, state_machine_arn: str, task: InvokeTask) -> TaskAnswer | None:
        """What the mock says to this attempt, or None: ask the service."""
        outcomes = self._outcomes.get((state_machine_arn, task.state))
        if not outcomes:
            return None
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        match outcome:
            case Success():
                return TaskAnswer(output=outcome.output, elapsed_ms=outcome.elapsed_ms)
            case Failure():
                return TaskAnswer(
                    error=outcome.error, cause=outcome.cause, elapsed_ms=outcome.elapsed_ms
                )
        return None
