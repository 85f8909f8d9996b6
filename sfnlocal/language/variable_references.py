"""Which variables each state refers to, as DescribeStateMachine tells it: read from the definition,
since only descriptions ask for it.

A state that refers to none is left out; names stand in the order of the alphabet (recorded). The
states of branches and processors stand beside their own Parallel or Map state.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sfnlocal.language.jsonata import compile_jsonata
from sfnlocal.language.query import is_query
from sfnlocal.ports import Json

_PROCESSORS = ("ItemProcessor", "Iterator")
# Values in which only keys that end in `.$` hold paths.
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "BatchInput", "Assign")
# Text in quotes: of an intrinsic function's arguments, or the names of a path.
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_VARIABLE = re.compile(r"(?<![\w$.@])\$([^\W\d]\w*)")


def variable_references(definition: Json) -> dict[str, list[str]]:
    """Names of variables by state, of a definition that compiles."""
    language = definition.get("QueryLanguage", "JSONPath")
    found = ((name, sorted(set(names))) for name, names in _of_machine(definition, language))
    return {name: names for name, names in found if names}


def _of_machine(machine: Json, language: str) -> Iterator[tuple[str, Iterator[str]]]:
    for name, state in machine["States"].items():
        jsonata = state.get("QueryLanguage", language) == "JSONata"
        inner = [*state.get("Branches", ()), *(state[key] for key in _PROCESSORS if key in state)]
        fields = {key: state[key] for key in state if key not in ("Branches", *_PROCESSORS)}
        yield name, _in_jsonata(fields) if jsonata else _in_fields(fields)
        for one in inner:
            yield from _of_machine(one, language)


def _in_jsonata(value: Json) -> Iterator[str]:
    if isinstance(value, str) and is_query(value):
        yield from compile_jsonata(value[2:-2].strip(), field="").variables
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _in_jsonata(item)


def _in_fields(fields: Json) -> Iterator[str]:
    """Of a JSONPath state, or of an object in one."""
    for key, value in fields.items():
        if isinstance(value, str) and (key.endswith((".$", "Path")) or key == "Variable"):
            yield from _in_path(value)
        elif key in _TEMPLATES:
            yield from _in_template(value)
        elif isinstance(value, dict) and key != "Result":
            yield from _in_fields(value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield from _in_fields(item)


def _in_template(template: Json) -> Iterator[str]:
    if isinstance(template, list):
        for item in template:
            yield from _in_template(item)
    elif isinstance(template, dict):
        for key, value in template.items():
            if isinstance(value, str):
                yield from _in_path(value) if key.endswith(".$") else ()
            else:
                yield from _in_template(value)


def _in_path(text: str) -> Iterator[str]:
    yield from _VARIABLE.findall(_QUOTED.sub("", text))
