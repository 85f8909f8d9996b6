"""What there is to cover in a state machine, listed from its program.

A point is something that a run can do: enter a state, take an edge, find a Choice rule true or
false, retry by a Retrier or give up after it, take a Catcher, fail inside a Map or Parallel state.
A Choice rule that was true and a Catcher that was taken are edges too; each is one point.
Error handling: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from sfnlocal.language.program import (
    ChoiceState,
    MapState,
    ParallelState,
    Program,
    State,
)
from sfnlocal.reports.outline import ends

Kind: TypeAlias = Literal[
    "state",
    "next",
    "end",
    "default",
    "branch",
    "iterator",
    "rule true",
    "rule false",
    "retrier used",
    "retrier used up",
    "catcher",
    "branch failed",
    "iteration failed",
    "failure tolerated",
    "failures exceeded",
]
Group: TypeAlias = Literal["states", "edges", "rules", "retriers", "catchers", "failures"]

# Which kinds each column of a report counts; true rules and Catchers are in two of them.
GROUPS: dict[Group, frozenset[Kind]] = {
    "states": frozenset({"state"}),
    "edges": frozenset({"next", "end", "default", "branch", "iterator", "rule true", "catcher"}),
    "rules": frozenset({"rule true", "rule false"}),
    "retriers": frozenset({"retrier used", "retrier used up"}),
    "catchers": frozenset({"catcher"}),
    "failures": frozenset(
        {"branch failed", "iteration failed", "failure tolerated", "failures exceeded"}
    ),
}
_CANNOT_FAIL = frozenset({"Pass", "Succeed", "Wait", "Choice"})


class Point(NamedTuple):
    """`position` counts from 0 among the state's rules, branches, Retriers or Catchers."""

    state: str
    kind: Kind
    position: int = 0


def all_states(program: Program) -> Iterator[tuple[State, str | None]]:
    """Every state, also inside of others, with the Map or Parallel state around it. State names
    are unique in a state machine."""
    yield from _states(program, None)


def _states(program: Program, around: str | None) -> Iterator[tuple[State, str | None]]:
    for state in program.states.values():
        yield state, around
        for inner in programs_of(state):
            yield from _states(inner, state.name)


def programs_of(state: State) -> tuple[Program, ...]:
    """What is inside a Map or Parallel state."""
    if isinstance(state, MapState):
        return (state.processor,)
    return state.branches if isinstance(state, ParallelState) else ()


def points_of(program: Program) -> list[Point]:
    """All there is to cover, in the order of the definition."""
    return [point for state, _ in all_states(program) for point in _points(state)]


def _points(state: State) -> Iterator[Point]:
    name = state.name
    yield Point(name, "state")
    if isinstance(state, ChoiceState):
        for index in range(len(state.choices)):
            yield Point(name, "rule true", index)
            yield Point(name, "rule false", index)
        if state.default is not None:
            yield Point(name, "default")
    elif state.next is not None:
        yield Point(name, "next")
    elif ends(state):
        yield Point(name, "end")
    for index, retrier in enumerate(state.retry):
        if retrier.max_attempts:
            yield Point(name, "retrier used", index)
        yield Point(name, "retrier used up", index)
    for index in range(len(state.catch)):
        yield Point(name, "catcher", index)
    if isinstance(state, ParallelState):
        for index in range(len(state.branches)):
            yield Point(name, "branch", index)
        if _can_fail(state):
            yield Point(name, "branch failed")
    if isinstance(state, MapState):
        yield Point(name, "iterator")
        if _can_fail(state):
            yield Point(name, "iteration failed")
        if tolerates_failures(state):
            yield Point(name, "failure tolerated")
            yield Point(name, "failures exceeded")


def tolerates_failures(state: MapState) -> bool:
    """Tolerated failures mean something in distributed mode only."""
    return state.distributed is not None and (
        state.tolerated_failure_count is not None or state.tolerated_failure_percentage is not None
    )


def _can_fail(state: State) -> bool:
    """Whether something inside does more than look at its input, and is not caught whatever
    happens."""
    return any(
        inner.type not in _CANNOT_FAIL and not _catches_all(inner)
        for program in programs_of(state)
        for inner, _ in all_states(program)
    )


def _catches_all(state: State) -> bool:
    return any("States.ALL" in catcher.error_equals for catcher in state.catch)
