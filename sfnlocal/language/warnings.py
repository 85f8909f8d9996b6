"""AWS's warnings: what a definition may say, and hardly can mean.

All three speak of JSONPath states in which a path or an intrinsic function is written where only
text is read. The codes and their meaning are documented, the words of AWS's messages are not:
the documentation's own are used.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sfnlocal.errors import Diagnostic
from sfnlocal.language.diagnostics import Place, location
from sfnlocal.language.intrinsics import is_intrinsic
from sfnlocal.ports import Json

# `$name`, a variable, cannot be told from text.
_PATH = re.compile(r"\$\$?([.\[].*)?", re.DOTALL)
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")
# Text, or paths although the name does not say so.
_NO_PATH_EXPECTED = ("Comment", "Next", "Default", "Resource", "Type", "Variable", "StringMatches")

_NO_DOLLAR = "No .$ on a field that appears to be a JSONPath or Intrinsic Function."
_NO_PATH = "Field value looks like a path, but field name does not end with 'Path'."
_STATIC = "Attempt to use a path in the result of a pass state."


def find_warnings(definition: Json) -> Iterator[Diagnostic]:
    """The warnings of a definition that has been compiled; in its order."""
    jsonata = isinstance(definition, dict) and definition.get("QueryLanguage") == "JSONata"
    yield from _of_machine(definition, (), jsonata)


def _of_machine(machine: Json, place: Place, jsonata: bool) -> Iterator[Diagnostic]:
    states = machine.get("States") if isinstance(machine, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if isinstance(state, dict):
            yield from _of_state(state, (*place, "States", name), jsonata)


def _of_state(state: dict[str, Json], place: Place, jsonata: bool) -> Iterator[Diagnostic]:
    if not jsonata and state.get("QueryLanguage") != "JSONata":
        yield from _of_fields(state, place)
    branches = state.get("Branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        yield from _of_machine(branch, (*place, "Branches", index), jsonata)
    for name in ("ItemProcessor", "Iterator"):
        yield from _of_machine(state.get(name), (*place, name), jsonata)


def _of_fields(fields: dict[str, Json], place: Place) -> Iterator[Diagnostic]:
    for name, value in fields.items():
        if name in _TEMPLATES:
            yield from _of_template(value, (*place, name))
        elif name == "Result":
            yield from _of_result(value, (*place, name))
        elif name in ("Choices", "And", "Or", "Catch") and isinstance(value, list):
            for index, entry in enumerate(value):
                if isinstance(entry, dict):
                    yield from _of_fields(entry, (*place, name, index))
        elif name == "Not" and isinstance(value, dict):
            yield from _of_fields(value, (*place, name))
        elif name.endswith("Path") or name in _NO_PATH_EXPECTED:
            continue
        elif isinstance(value, str) and _looks_like_query(value):
            yield _warning("NO_PATH", _NO_PATH, (*place, name), f"write {name}Path: {value}")


def _of_template(value: Json, place: Place) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _of_template(item, (*place, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(item, str):
                yield from _of_template(item, (*place, key))
            elif not key.endswith(".$") and _looks_like_query(item):
                hint = f'write "{key}.$": "{item}"'
                yield _warning("NO_DOLLAR", _NO_DOLLAR, (*place, key), hint)


def _of_result(value: Json, place: Place) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _of_result(item, (*place, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _of_result(item, (*place, key))
    elif isinstance(value, str) and _looks_like_query(value):
        yield _warning(
            "PASS_RESULT_IS_STATIC", _STATIC, place, "write Parameters instead of Result"
        )


def _looks_like_query(text: str) -> bool:
    return _PATH.fullmatch(text) is not None or is_intrinsic(text)


def _warning(code: str, message: str, place: Place, hint: str) -> Diagnostic:
    return Diagnostic(code, location(place), message, "WARNING", hint, place)
