"""Replays a history exported from AWS through the interpreter, and finds where they part.

Strategy: the interpreter runs the same definition on the same input. Whatever the outside did (a
task's answer, the end of a wait or a back-off, a stop) is taken from the history, in its order;
everything else the interpreter has to come to by itself. Each of its events takes the time of its
counterpart in the history, so that clocks read by expressions agree. What AWS chose and the history
tells nowhere, the execution's and the state machine's names, is learnt where it first shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfnlocal.driver.exported import Event, details, state_name
from sfnlocal.driver.replay_names import Names, names_told
from sfnlocal.driver.replay_player import Player, steps_of
from sfnlocal.errors import InputError
from sfnlocal.history import api_events
from sfnlocal.history_diff import Comparison, Difference, compared
from sfnlocal.interpreter import Machine, link
from sfnlocal.language import compile_definition

_NAME_PATTERN = r"([^\s:/\"]{1,80})"


@dataclass(frozen=True, slots=True)
class Replay:
    """`replayed` are the interpreter's events; `difference` is None where they tell the same as the
    recorded ones: its `left` is recorded, its `right` replayed. `state` is where it was found."""

    recorded: Sequence[Event]
    replayed: Sequence[Event]
    difference: Difference | None
    state: str = ""


def replay(
    events: Sequence[Event],
    definition: str | Mapping[str, Any],
    *,
    names: Names | None = None,
    same: Mapping[str, str] | None = None,
    jsonata: str = "jlens",
) -> Replay:
    """`events` are what `read_history` gives, `same` names that may differ, recorded to ours.
    Raises DefinitionError, UnsupportedError, and InputError for another machine's definition."""
    machine = link(compile_definition(definition, jsonata=jsonata))
    _check_definition(events, machine)
    names = names or names_told(events)
    while True:
        try:
            return _replayed(events, machine, names, dict(same or {}))
        except _LearntError as learnt:
            names = learnt.names
            machine = link(compile_definition(definition, jsonata=jsonata))


def _check_definition(events: Sequence[Event], machine: Machine) -> None:
    entered = [details(one)["name"] for one in events if one["type"].endswith("StateEntered")]
    known = {step.name for step in steps_of(machine)}
    if entered and known.isdisjoint(entered):
        raise InputError(
            f"the history is of another state machine: the definition has no state {entered[0]!r}, "
            "nor any other that was entered",
            hint="`aws stepfunctions describe-state-machine-for-execution` has the one that ran",
        )


def _replayed(
    recorded: Sequence[Event], machine: Machine, names: Names, same: dict[str, str]
) -> Replay:
    comparison = _Comparison(same, ("the record", "the replay"))
    comparison.replayed_as = names
    player = Player(recorded, machine, names)
    player.play()
    replayed = [
        _called_as(recorded[player.partners[event["id"]] - 1]["type"], event)
        if event["id"] in player.partners
        else event
        for event in api_events(player.execution.history)
    ]
    difference = compared(recorded, replayed, comparison)
    if player.out_of_time is not None and (
        difference is None or difference.left is None or _later(difference.left, player.out_of_time)
    ):
        difference = player.out_of_time
    if difference is None:
        return Replay(recorded, replayed, None)
    if difference.right is None and difference.left is not None:
        difference = difference._replace(right=_instead(difference.left, player, replayed))
    if difference.left is not None:
        state = state_name(recorded, difference.left)
    else:
        assert difference.right is not None
        state = state_name(replayed, difference.right)
    return Replay(recorded, replayed, difference, state)


def _called_as(type: str, event: dict[str, Any]) -> dict[str, Any]:
    """The event under the name that AWS has for it; it has several for a task that failed."""
    before = event["type"]
    if before == type:
        return event
    return {
        _details_key(type) if key == _details_key(before) else key: value
        for key, value in {**event, "type": type}.items()
    }


def _details_key(type: str) -> str:
    return f"{type[0].lower()}{type[1:]}EventDetails"


def _later(event: Event, difference: Difference) -> bool:
    assert difference.left is not None
    return bool(event["id"] > difference.left["id"])


def _instead(event: Event, player: Player, replayed: Sequence[Event]) -> Event | None:
    """What the replay has where the record has `event`: what follows the same event."""
    previous = player.places.get(event["previousEventId"], 0)
    return next(
        (
            one
            for one in replayed
            if one["previousEventId"] == previous
            and one["id"] not in player.partners
            and one["type"] != "ExecutionStarted"
        ),
        None,
    )


# --- names that AWS chose


class _LearntError(Exception):
    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names


class _Comparison(Comparison):
    """What came from the history stands on both sides as it was. A text that only lacks a name not
    known yet tells it."""

    replayed_as: Names

    def texts(self, left: str, right: str, path: str) -> tuple[str, str] | None:
        if left == right:
            return None
        unknown = Names()
        for field in ("execution", "state_machine"):
            stand_in = getattr(unknown, field)
            if getattr(self.replayed_as, field) == stand_in and stand_in in right:
                self._learn(field, stand_in, left, right)
        return super().texts(left, right, path)

    def _learn(self, field: str, stand_in: str, left: str, right: str) -> None:
        pattern = re.escape(right)
        for other in (unknown for unknown in Names()[:2] if unknown != stand_in):
            pattern = pattern.replace(re.escape(other), _NAME_PATTERN.replace("(", "(?:"))
        pattern = pattern.replace(re.escape(stand_in), _NAME_PATTERN, 1)
        pattern = pattern.replace(re.escape(stand_in), r"\1")
        pattern = pattern.replace(self.replayed_as.account, r"\d{12}")
        found = re.fullmatch(pattern, left)
        if found is not None:
            raise _LearntError(self.replayed_as._replace(**{field: found[1]}))
