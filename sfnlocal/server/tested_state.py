"""Finds and compiles the state that TestState is to test: one with a definition of its own, or one
of a state machine, by its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sfnlocal.errors import ApiError, DefinitionError, Diagnostic, UnsupportedError
from sfnlocal.language import compile_to_test
from sfnlocal.language.program import State
from sfnlocal.ports import Json

# What a state is called whose definition stands alone (recorded).
_ALONE = "StateName"

# Fields that do nothing of a Map or Parallel state whose work is mocked.
_MOCKED_AWAY = frozenset(
    {
        "Branches",
        "ItemProcessor",
        "ItemReader",
        "Iterator",
        "Label",
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    }
)


@dataclass(frozen=True, slots=True)
class TestedState:
    """`notes` tell what of it sfnlocal does not run."""

    state: State
    definition: dict[str, Json]
    notes: tuple[Diagnostic, ...]

    def check_simulated(self, *, mocked: bool) -> None:
        """Raises UnsupportedError for what the test would run."""
        for note in self.notes:
            if not mocked or note.place[2] not in _MOCKED_AWAY:
                raise UnsupportedError(note.message, where=note.location, hint=note.hint)

    def inner_states(self) -> frozenset[str]:
        """The names of the states inside of it."""
        return frozenset(name for name, _ in _inner(self.definition))


def find_state(text: str, name: str | None) -> TestedState:
    """`name` is that of a state of a state machine, which is checked as a whole, or of a state
    inside of one of its states. Raises ApiError."""
    try:
        definition = json.loads(text)
    except (ValueError, RecursionError):
        definition = text
    try:
        if name is None and isinstance(definition, dict):
            return _compiled(_ALONE, definition, {})
        compile_to_test(definition)
        found = [state for known, state in _states(definition) if known == name]
        if name is None or not found:
            raise ApiError("ValidationException", "State not found in definition")
        return _compiled(name, found[0], definition)
    except DefinitionError as error:
        raise ApiError("InvalidDefinition", error.message) from None


def _compiled(name: str, state: dict[str, Json], machine: dict[str, Json]) -> TestedState:
    """With an end in the place of each state that it leads to."""
    states = {target: {"Type": "Succeed"} for target in _targets(state)} | {name: state}
    definition = {"StartAt": name, "States": states}
    if "QueryLanguage" in machine:
        definition["QueryLanguage"] = machine["QueryLanguage"]
    program, notes = compile_to_test(definition)
    return TestedState(program.states[name], state, notes)


def _states(machine: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """Of a state machine that was compiled, and of those inside of its states."""
    for name, state in machine["States"].items():
        yield name, state
        yield from _inner(state)


def _inner(state: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    for name in ("ItemProcessor", "Iterator"):
        if name in state:
            yield from _states(state[name])
    for branch in state.get("Branches", ()):
        yield from _states(branch)


def _targets(state: dict[str, Json]) -> Iterator[str]:
    entries: list[Json] = [state]
    for name in ("Choices", "Catch"):
        listed = state.get(name)
        entries += listed if isinstance(listed, list) else []
    for entry in entries:
        for name in ("Next", "Default"):
            if isinstance(entry, dict) and isinstance(entry.get(name), str):
                yield entry[name]
