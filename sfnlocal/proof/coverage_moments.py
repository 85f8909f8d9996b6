"""What a Choice state's rules say of a moment of an execution that may be over.

Where several rules lead to the same state, the history does not tell which one held: they are asked
again, with the state's input and the variables, time and Map item of that moment.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from sfnlocal.errors import StateError
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.concurrent import map_items
from sfnlocal.interpreter.dataflow import effective_input
from sfnlocal.interpreter.execution import Frame
from sfnlocal.interpreter.steps import Step
from sfnlocal.language.program import ChoiceState, MapState, State
from sfnlocal.ports import Json, Rng


class Past(Frame):
    """A frame as it was at a moment of an execution that may be over."""

    __slots__ = ("at_ms",)

    def __init__(self, execution: Execution, state: State, value: Json, at_ms: int) -> None:
        super().__init__(execution, execution.machine, value, 0, 0)
        self.step = Step(state)
        self.at_ms = self.entered_ms = at_ms

    @property
    def now_ms(self) -> int:
        return self.at_ms

    @property
    def rng(self) -> Rng:
        # The execution's own one must not move: it may be redriven.
        return random.Random(0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where visits stand: in the iteration `index` of a Map state that was entered so; `outer` is
    where that stands."""

    map_past: Past
    index: int
    outer: Place | None

    def map_item(self) -> Json:
        if self.outer is not None:
            self.map_past.map_item = self.outer.map_item()
        state: MapState = self.map_past.step.state
        value, _ = effective_input(state)(self.map_past)
        items = map_items(state, self.map_past, value)
        return {"Index": self.index, "Value": items[self.index], "Source": "STATE_DATA"}


def data_of(state: State, value: Json) -> Json:
    return {"input": value} if state.query_language == "JSONata" else value


def first_true(
    state: ChoiceState, past: Past, place: Place | None, *, until_error: bool = False
) -> int | None:
    """The first rule that holds, or how many there are if none does. None where that cannot be
    told; with `until_error` the rule that raised."""
    index = 0
    try:
        if place is not None:
            past.map_item = place.map_item()
        value, _ = effective_input(state)(past)
        data = data_of(state, value)
        for index, rule in enumerate(state.choices):
            if rule.condition.call(data, past):
                return index
    except StateError:
        return index if until_error else None
    return len(state.choices)
