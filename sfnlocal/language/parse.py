"""Compiles an Amazon States Language definition to a Program, once.

The definition is read top down; each wrong thing goes to the diagnostics and reading goes on, so
that all errors are told at once. Then the transitions of each state machine in it are followed.
https://states-language.net/spec.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import NoReturn, TypeAlias

from sfnlocal.errors import Diagnostic
from sfnlocal.jsontext import json_bytes
from sfnlocal.language.diagnostics import (
    MISSING_END,
    MISSING_TARGET,
    Diagnostics,
    Place,
    pointer,
)
from sfnlocal.language.fields import Compilation, Fields
from sfnlocal.language.parse_flow import (
    read_choice,
    read_fail,
    read_pass,
    read_succeed,
    read_wait,
)
from sfnlocal.language.parse_map import read_map, read_parallel
from sfnlocal.language.parse_task import read_task
from sfnlocal.language.program import Program, QueryLanguage, State, SucceedState
from sfnlocal.language.warnings import find_warnings
from sfnlocal.limits import DEFINITION_BYTES_MAX, NAME_CHARS_MAX, TASK_TIMEOUT_SECONDS_MAX
from sfnlocal.ports import Json

_StateReader: TypeAlias = Callable[[Fields, str], State]

_STATE_READERS: dict[str, _StateReader] = {
    "Task": read_task,
    "Pass": read_pass,
    "Choice": read_choice,
    "Wait": read_wait,
    "Succeed": read_succeed,
    "Fail": read_fail,
    "Parallel": read_parallel,
    "Map": read_map,
}


def compile_definition(
    definition: Json | str, *, jsonata: str = "jlens", type: str = "STANDARD"
) -> Program:
    """The Program of a definition, given as JSON or as its text. `type` is the state machine's,
    STANDARD or EXPRESS: Express refuses jobs, callbacks and activities.

    Raises DefinitionError with every error that AWS would give, and UnsupportedError for what
    AWS would take and sfnlocal does not run.
    """
    program, diagnostics = _compile(definition, jsonata, type)
    diagnostics.check()
    assert program is not None, "a definition without a Program has errors"
    return program


def compile_to_test(
    definition: Json, *, jsonata: str = "jlens"
) -> tuple[Program, tuple[Diagnostic, ...]]:
    """A Program of which states are tested by themselves, and what in it sfnlocal does not run:
    it depends on the test whether that matters. Raises DefinitionError."""
    program, diagnostics = _compile(definition, jsonata, "STANDARD")
    found = diagnostics.all()
    if any(one.severity == "ERROR" for one in found):
        diagnostics.check()
    assert program is not None, "a definition without a Program has errors"
    return program, found


def diagnose(
    definition: Json | str, *, jsonata: str = "jlens", type: str = "STANDARD"
) -> tuple[Diagnostic, ...]:
    """Everything that is to be said of a definition: errors, what sfnlocal does not run, and
    AWS's warnings."""
    program, diagnostics = _compile(definition, jsonata, type)
    found = diagnostics.all()
    return found if program is None else (*found, *find_warnings(program.definition))


def _compile(definition: Json | str, jsonata: str, type: str) -> tuple[Program | None, Diagnostics]:
    compilation = Compilation(
        engine=jsonata, express=type == "EXPRESS", compile_program=_compile_program
    )
    diagnostics = compilation.diagnostics
    if isinstance(definition, str):
        definition = _parse(definition, diagnostics)
    if not isinstance(definition, dict):
        if not diagnostics.all():
            diagnostics.error("Definition must be a valid JSON object", None)
        return None, diagnostics
    size = json_bytes(definition)
    if size > DEFINITION_BYTES_MAX:
        diagnostics.error(
            f"The definition has {size} bytes, and may have {DEFINITION_BYTES_MAX}",
            None,
            hint="split it into state machines that start each other",
        )
    return _compile_machine(Fields(definition, (), compilation)), diagnostics


def _parse(text: str, diagnostics: Diagnostics) -> Json:
    try:
        definition = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        if text.strip():
            diagnostics.error(
                f"{error.msg}: line {error.lineno}, column {error.colno}",
                None,
                code="INVALID_JSON_DESCRIPTION",
                hint=_line(text, error.lineno),
            )
        return None
    except ValueError as error:
        diagnostics.error(str(error), None, code="INVALID_JSON_DESCRIPTION")
        return None
    return definition


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _line(text: str, number: int) -> str:
    return text.splitlines()[number - 1].strip()[:80] if text.splitlines() else ""


def _compile_machine(fields: Fields) -> Program:
    """The outermost state machine: it has a query language, a time-out and a version too."""
    language = fields.keyword("QueryLanguage", "JSONPath", "JSONata")
    fields.keyword("Version", "1.0")
    timeout_seconds = fields.integer("TimeoutSeconds", 1, TASK_TIMEOUT_SECONDS_MAX)
    fields.compilation.language = "JSONata" if language == "JSONata" else "JSONPath"
    return _compile_program(fields, timeout_seconds)


def _compile_program(fields: Fields, timeout_seconds: int | None = None) -> Program:
    fields.string("Comment")
    fields.require("StartAt", "States")
    start_at = fields.string("StartAt") or ""
    states = fields.child(fields.take("States") if "States" in fields else {}, "States")
    fields.close()
    if "States" in fields and not states.values:
        states.error("Value cannot be empty")
    program = Program(
        start_at=start_at,
        states={name: _compile_state(states, name) for name in states.values},
        timeout_seconds=timeout_seconds,
        query_language=fields.compilation.language,
        definition=fields.values,
    )
    if start_at and states.values:
        _check_transitions(fields, start_at, states.values)
    return program


def _compile_state(states: Fields, name: str) -> State:
    fields = states.child(states.values[name], name)
    fields.depth = len(fields.place)
    fields.language = _query_language(fields)
    _check_name(fields, name)
    fields.require("Type")
    type = fields.string("Type")
    where = pointer(fields.place)
    reader = _STATE_READERS.get(type or "")
    if reader is None:
        if type is not None:
            fields.error(
                f"'{type}' is not a valid state type",
                "Type",
                hint=f"one of {', '.join(_STATE_READERS)}",
            )
        return SucceedState(name=name, type="", pointer=where, query_language=fields.language)
    state = reader(fields, where)
    fields.close()
    return state


def _query_language(fields: Fields) -> QueryLanguage:
    default = fields.compilation.language
    language = fields.keyword("QueryLanguage", "JSONPath", "JSONata")
    if language == "JSONPath" and default == "JSONata":
        fields.error(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            hint="JSONata can be chosen state by state only where the state machine is JSONPath",
        )
    if language is None:
        return default
    return "JSONata" if language == "JSONata" else "JSONPath"


def _check_name(fields: Fields, name: str) -> None:
    if not 1 <= len(name) <= NAME_CHARS_MAX:
        fields.error(
            f"State name must have 1 to {NAME_CHARS_MAX} characters", code="INVALID_STATE_NAME"
        )
    first = fields.compilation.state_places.setdefault(name, fields.place)
    if first != fields.place:
        fields.error(
            f"Duplicate State name: {name}",
            code="DUPLICATE_STATE_NAME",
            hint=f"the first one is {pointer(first)}; branches and processors share the names",
        )


def _check_transitions(machine: Fields, start_at: str, states: dict[str, Json]) -> None:
    """Every target exists, every state can be reached, and one of them ends the machine."""
    if start_at not in states:
        machine.error(
            f"Missing 'StartAt' target: {start_at}",
            "StartAt",
            code=MISSING_TARGET,
            hint=_nearest(start_at, states),
        )
        return
    reached, waiting = {start_at}, [start_at]
    targets = {
        name: list(_targets(state)) if isinstance(state, dict) else []
        for name, state in states.items()
    }
    for name, edges in targets.items():
        for target, steps in edges:
            if target not in states:
                machine.error(
                    f"Missing 'Next' target: {target}",
                    "States",
                    name,
                    *steps,
                    code=MISSING_TARGET,
                    hint=_nearest(target, states),
                )
    while waiting:
        new = {target for target, _ in targets[waiting.pop()]} - reached
        new &= states.keys()
        reached |= new
        waiting += new
    if not any(_is_terminal(state) for state in states.values()):
        # Measured on AWS: without an end, nothing is said of what is not reached.
        # https://github.com/floci-io/floci/pull/2786
        machine.compilation.diagnostics.error(
            "Workflow has no terminal state",
            None,
            code=MISSING_END,
            hint='give one state "End": true, or end in Succeed or Fail',
            at=machine.place,
        )
        return
    for name in states:
        if name not in reached:
            machine.error(
                f'State "{name}" is not reachable.',
                "States",
                name,
                code=MISSING_TARGET,
                hint="no Next, Default or Catch leads there",
            )


def _targets(state: dict[str, Json]) -> Iterator[tuple[str, Place]]:
    """Where a state can go, and the place in it that says so."""
    for name in ("Next", "Default"):
        if isinstance(state.get(name), str):
            yield state[name], (name,)
    for name in ("Choices", "Catch"):
        entries = state.get(name)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("Next"), str):
                yield entry["Next"], (name, index, "Next")


def _is_terminal(state: Json) -> bool:
    return not isinstance(state, dict) or (
        state.get("End") is True or state.get("Type") in ("Succeed", "Fail")
    )


def _nearest(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else "there is no state of that name here"
