"""Mocked answers by state and attempt: what a Task state's service would have said.

Outcomes are used in order, one an attempt; the last one stays. CALL lets the real service answer,
so "fails twice, then works" is `[Failure(...), Failure(...), CALL]`, and "works, but nobody hears
of it" is `[Lost(...), CALL]`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sfnlocal.errors import InputError
from sfnlocal.ports import InvokeTask, Json, TaskAnswer


@dataclass(frozen=True, slots=True)
class Success:
    """The task's result is `output`, after `elapsed_ms` of virtual time. Where the state waits for
    a job or a task token, that is what the job or the token's holder answers."""

    output: Json
    elapsed_ms: int = 0

    def answer(self) -> TaskAnswer:
        return TaskAnswer(output=self.output, elapsed_ms=self.elapsed_ms)


@dataclass(frozen=True, slots=True)
class Failure:
    """The service is not called, and fails so."""

    error: str
    cause: str = ""
    elapsed_ms: int = 0

    def answer(self) -> TaskAnswer:
        return TaskAnswer(error=self.error, cause=self.cause, elapsed_ms=self.elapsed_ms)


@dataclass(frozen=True, slots=True)
class Lost:
    """The service does its work, but its answer is lost: the attempt fails so."""

    error: str
    cause: str = ""
    elapsed_ms: int = 0

    def answer(self) -> TaskAnswer:
        return TaskAnswer(error=self.error, cause=self.cause, elapsed_ms=self.elapsed_ms)


class _Call:
    def __repr__(self) -> str:
        return "CALL"


CALL: Final = _Call()
Outcome: TypeAlias = Success | Failure | Lost | _Call


class Mocks:
    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str], list[Outcome]] = {}

    def add(self, state_machine_arn: str, state: str, outcomes: Iterable[Outcome]) -> None:
        """Replaces what was mocked for this state before. No outcomes: the mock is taken away."""
        listed = list(outcomes)
        for outcome in listed:
            if not isinstance(outcome, Success | Failure | Lost | _Call):
                raise InputError(
                    f"not an outcome: {outcome!r}",
                    where=f"mock of state '{state}'",
                    hint="use Success(output), Failure(error, cause), Lost(error, cause) or CALL",
                )
        self._outcomes[state_machine_arn, state] = listed

    def outcome(self, state_machine_arn: str, task: InvokeTask) -> Outcome:
        """What is to happen to this attempt: CALL where nothing is mocked."""
        outcomes = self._outcomes.get((state_machine_arn, task.state))
        if not outcomes:
            return CALL
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
