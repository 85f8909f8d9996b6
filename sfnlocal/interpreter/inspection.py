"""What TestState shows of a state's dataflow: the values that its evaluators gave.

Which values AWS shows depends on the type of the state and its query language; the tables here are
as recorded. https://docs.aws.amazon.com/step-functions/latest/apireference/API_InspectionData.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sfnlocal.language.program import (
    Evaluator,
    PassState,
    QueryLanguage,
    Scope,
    State,
)
from sfnlocal.ports import Json

# The evaluator whose value it is.
_VALUES: Mapping[str, str] = {
    "afterInputPath": "input_path",
    "afterParameters": "parameters",
    "afterItemsPath": "items",
    "afterArguments": "arguments",
    "afterResultSelector": "result_selector",
    "result": "result",
}
# The evaluator that gets it.
_DATA: Mapping[str, str] = {"afterResultPath": "output_path"}

_RESULT = ("afterResultSelector", "afterResultPath")
_SHOWN: Mapping[tuple[QueryLanguage, str], tuple[str, ...]] = {
    ("JSONPath", "Pass"): ("afterInputPath", "afterParameters", *_RESULT),
    ("JSONPath", "Task"): ("afterInputPath", "afterParameters", *_RESULT),
    ("JSONPath", "Parallel"): _RESULT,
    ("JSONPath", "Map"): ("afterInputPath", "afterItemsPath", *_RESULT),
    ("JSONPath", "Choice"): ("afterInputPath",),
    ("JSONPath", "Wait"): ("afterInputPath",),
    ("JSONPath", "Succeed"): ("afterInputPath",),
    ("JSONata", "Task"): ("afterArguments",),
}


class Inspection:
    """`data` has what was seen so far, by its name in InspectionData."""

    def __init__(self) -> None:
        self.data: dict[str, Json] = {}

    def note(self, name: str, value: Json) -> None:
        self.data[name] = value

    def start(self, state: State, value: Json) -> None:
        """The state begins with the input `value`."""
        if state.type == "Fail" and state.query_language == "JSONPath":
            # It has no InputPath, and yet this is shown.
            self.note("afterInputPath", value)

    def end(self, variables: Mapping[str, Json]) -> None:
        if variables:
            self.note("variables", variables)

    def observed(self, state: State) -> Any:
        """The same state, noting here what its evaluators see."""
        names = _SHOWN.get((state.query_language, state.type), ())
        if isinstance(state, PassState) and state.result is not None:
            # Recorded: a Result makes the defaults of the input's fields invisible.
            given = [name for name in names[:2] if getattr(state, _VALUES[name]) is not None]
            names = (*given, *_RESULT, "result")
        changes: dict[str, Any] = {}
        for name in names:
            if name in _DATA:
                changes[_DATA[name]] = self._noting(getattr(state, _DATA[name]), name, data=True)
            else:
                changes[_VALUES[name]] = self._noting(getattr(state, _VALUES[name]), name)
        return replace(state, **changes)

    def _noting(self, evaluator: Evaluator | None, name: str, *, data: bool = False) -> Evaluator:
        inner = _UNCHANGED if evaluator is None else evaluator
        call: Callable[[Json, Scope], Json] = inner.call

        def noted(given: Json, scope: Scope) -> Json:
            if data:
                self.note(name, given)
            value = call(given, scope)
            if not data:
                self.note(name, value)
            return value

        return Evaluator(noted, inner.constant_bytes, inner.references)


def _unchanged(data: Json, scope: Scope) -> Json:
    return data


_UNCHANGED = Evaluator(_unchanged, 0, 1)
