"""Mocked answers by state and attempt: what a Task state's service would have said.

Outcomes are used in order, one an attempt; the last one stays. CALL lets the real service answer,
so "fails twice, then works" is `[Failure(...), Failure(...), CALL]`, and "works, but nobody hears
of it" is `[Lost(...), CALL]`.

An execution that is started in a test case of Step Functions Local has that one's answers too, and
they come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class MockedResponse:
    """A state's outcomes by the first and last invocation that they are for. Retries, loops and
    iterations of a Map state all count on; one that has no outcome ends the execution."""

    name: str
    outcomes: tuple[tuple[int, int, Outcome], ...]

    def outcome(self, invocation: int) -> Outcome:
        """Of the state's invocation in one execution, counted from 0."""
        for first, last, outcome in self.outcomes:
            if first <= invocation <= last:
                return outcome
        return Failure(
            "States.Runtime", f"mocked response '{self.name}' has no invocation {invocation}"
        )


# By Task state.
TestCase: TypeAlias = Mapping[str, MockedResponse]


class Mocks:
    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str], list[Outcome]] = {}
        self._test_cases: dict[str, TestCase] = {}
        self._invocations: dict[str, dict[str, int]] = {}

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

    def clear(self) -> None:
        """Take all mocks away."""
        self._outcomes.clear()
        self._test_cases.clear()
        self._invocations.clear()

    def use(self, execution_arn: str, test_case: TestCase) -> None:
        """Answer the states of one execution from a test case."""
        self._test_cases[execution_arn] = test_case
        self._invocations[execution_arn] = dict.fromkeys(test_case, 0)

    def share(self, execution_arn: str, other_arn: str) -> None:
        """Answer the states of another execution from the same test case, if there is one."""
        if execution_arn in self._test_cases:
            self._test_cases[other_arn] = self._test_cases[execution_arn]
            self._invocations[other_arn] = self._invocations[execution_arn]

    def forget(self, execution_arn: str) -> None:
        if self._test_cases.pop(execution_arn, None) is not None:
            del self._invocations[execution_arn]

    def outcome(self, state_machine_arn: str, task: InvokeTask) -> Outcome:
        """What is to happen to this attempt: CALL where nothing is mocked."""
        response = self._test_cases.get(task.execution_arn, {}).get(task.state)
        if response is not None:
            invocations = self._invocations[task.execution_arn]
            invocations[task.state] += 1
            return response.outcome(invocations[task.state] - 1)
        outcomes = self._outcomes.get((state_machine_arn, task.state))
        if not outcomes:
            return CALL
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
