"""Reading definitions: every state of a machine, the inner ones of Parallel and Map included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

State = dict[str, Any]


def every_state(definition: dict[str, Any]) -> Iterator[tuple[str, State]]:
    for name, state in definition["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), state.get("ItemProcessor")]:
            if inner:
                yield from every_state(inner)


def tasks(definition: dict[str, Any]) -> Iterator[tuple[str, State]]:
    return ((name, state) for name, state in every_state(definition) if state["Type"] == "Task")


def retried(state: State) -> set[str]:
    """Every error name that a Retrier of the state matches."""
    return {error for retrier in state.get("Retry", []) for error in retrier["ErrorEquals"]}


def followers(state: State) -> Iterator[str]:
    """The states that a state can go on to."""
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for edge in [*state.get("Catch", []), *state.get("Choices", [])]:
        yield edge["Next"]


def reachable(definition: dict[str, Any], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += followers(definition["States"][name])
    return found
