"""Typed reading of a definition's JSON objects.

A `Fields` hands out one object's fields and tells the diagnostics of each wrong one; reading goes
on with None, so that one look finds all errors. `close` reports the fields that nobody read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sfnlocal.errors import UnsupportedError
from sfnlocal.jsontext import json_text
from sfnlocal.language.diagnostics import SCHEMA, Diagnostics, Place, location
from sfnlocal.language.jsonpath import PathSyntaxError
from sfnlocal.language.paths import (
    PathField,
    constant,
    path_evaluator,
    read_path,
    read_result_path,
)
from sfnlocal.language.payload import (
    compile_jsonata_template,
    compile_template,
)
from sfnlocal.language.program import Evaluator, Program, QueryLanguage, ResultPath
from sfnlocal.language.query import (
    QueryField,
    is_query,
    read_typed_query,
)
from sfnlocal.language.wording import is_number
from sfnlocal.ports import Json

_Kind = TypeVar("_Kind", str, bool, list[Any], dict[str, Any])

# Which language's states have the field. `Path` fields are JSONPath's too.
_JSONPATH_ONLY = frozenset({"Parameters", "ResultSelector", "Result", "Iterator", "Variable"})
_JSONATA_ONLY = frozenset({"Arguments", "Output", "Items", "Condition"})
_NO_JSONPATH = "Value must be a valid JSONPath."


@dataclass(slots=True)
class Compilation:
    """What is shared while one definition is compiled. `language` is the whole definition's;
    `compile_program` compiles the state machine inside a Parallel or Map state."""

    engine: str
    express: bool
    compile_program: Callable[[Fields], Program]
    language: QueryLanguage = "JSONPath"
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    state_places: dict[str, Place] = field(default_factory=dict)


class Fields:
    """One object of the definition. `depth` is the length of its state's place."""

    __slots__ = ("_read", "compilation", "depth", "language", "place", "values")

    def __init__(
        self,
        values: dict[str, Json],
        place: Place,
        compilation: Compilation,
        language: QueryLanguage = "JSONPath",
        depth: int = 0,
    ) -> None:
        self.values = values
        self.place = place
        self.compilation = compilation
        self.language = language
        self.depth = depth
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def error(self, message: str, *steps: str | int, code: str = SCHEMA, hint: str = "") -> None:
        self.compilation.diagnostics.error(message, (*self.place, *steps), code=code, hint=hint)

    def unsupported(self, what: str, *steps: str | int, hint: str) -> None:
        self.compilation.diagnostics.unsupported(what, (*self.place, *steps), hint)

    def child(self, values: Json, *steps: str | int) -> Fields:
        """The fields of an object inside this one; of nothing where it is no object."""
        if not isinstance(values, dict):
            self.error("Expected an object", *steps, hint=f"found {json_text(values)[:80]}")
            values = {}
        return Fields(values, (*self.place, *steps), self.compilation, self.language, self.depth)

    # --- presence

    def require(self, *names: str) -> bool:
        missing = [name for name in names if name not in self.values]
        if len(missing) == 1:
            self.error(f"The field '{missing[0]}' is required but was missing")
        elif missing:
            self.error(f"These fields are required: [{', '.join(missing)}]")
        return not missing

    def one_of(self, *names: str, required: bool = False) -> str | None:
        """The one of `names` that is there; more than one are ambiguous."""
        given = [name for name in names if name in self.values]
        if len(given) > 1:
            self._read.update(given)
            self.error(f"There should only be one of the following fields: [{', '.join(given)}]")
        elif required and not given:
            self.error(f"One of these fields is required: [{', '.join(names)}]")
        return given[0] if given else None

    def close(self) -> None:
        for name in self.values:
            if name not in self._read:
                message, hint = self._why_unsupported(name)
                at = (*self.place, name)
                self.compilation.diagnostics.error(message, self.place, hint=hint, at=at)

    def _why_unsupported(self, name: str) -> tuple[str, str]:
        """A message and a hint. https://github.com/floci-io/floci/issues/2968 quotes AWS."""
        other: str | None = None
        if name in _JSONATA_ONLY:
            other = "JSONata"
        elif name in _JSONPATH_ONLY or name.endswith("Path"):
            other = "JSONPath"
        if other in (None, self.language):
            return (
                f"Field '{name}' is not supported",
                f"remove {name}, or check its spelling and where it stands",
            )
        message = (
            f"The QueryLanguage is set to '{self.language}', but field '{name}' is only supported "
            f"for the '{other}' QueryLanguage"
        )
        return message, f"remove {name}, or set this state's QueryLanguage to {other}"

    # --- plain values

    def take(self, name: str) -> Json:
        """The field's value as it stands, None where it is absent."""
        self._read.add(name)
        return self.values.get(name)

    def string(self, name: str) -> str | None:
        return self._of(name, str, "a string")

    def flag(self, name: str) -> bool | None:
        return self._of(name, bool, "a boolean")

    def array(self, name: str, *, may_be_empty: bool = False) -> list[Json] | None:
        items = self._of(name, list, "an array")
        if items == [] and not may_be_empty:
            self.error("Value cannot be empty", name)
        return items

    def strings(self, name: str) -> tuple[str, ...]:
        items = self.array(name) or []
        for index, item in enumerate(items):
            if not isinstance(item, str):
                self.error("Expected a string", name, index)
        return tuple(item for item in items if isinstance(item, str))

    def integer(self, name: str, minimum: int, maximum: int) -> int | None:
        value = self.number(name, minimum, maximum)
        if value is None or isinstance(value, int):
            return value
        self.error("Expected an integer", name)
        return None

    def number(self, name: str, minimum: float, maximum: float) -> int | float | None:
        self._read.add(name)
        if name not in self.values:
            return None
        value: Json = self.values[name]
        if not is_number(value):
            self.error("Expected a number", name, hint=f"found {json_text(value)[:80]}")
        elif value < minimum:
            self.error(f"Minimum value is {minimum}", name, hint=f"found {value}")
        elif value > maximum:
            self.error(f"Maximum value is {maximum}", name, hint=f"found {value}")
        else:
            number: int | float = value
            return number
        return None

    def keyword(self, name: str, *allowed: str) -> str | None:
        value = self.string(name)
        if value is not None and value not in allowed:
            self.error(f"Value must be one of [{', '.join(allowed)}]", name, hint=f"found {value}")
            return None
        return value

    def _of(self, name: str, kind: type[_Kind], named: str) -> _Kind | None:
        self._read.add(name)
        if name not in self.values:
            return None
        value = self.values[name]
        if isinstance(value, kind):
            return value
        self.error(f"Expected {named}", name, hint=f"found {json_text(value)[:80]}")
        return None

    # --- paths and payloads

    def path(self, name: str) -> Evaluator | None:
        """InputPath and OutputPath: null stands for an empty object."""
        self._read.add(name)
        if name not in self.values:
            return None
        if self.values[name] is None:
            return constant({})
        path = self._path(name, reference=False)
        return path and path_evaluator(path)

    def reference(self, name: str) -> PathField | None:
        return self._path(name, reference=True)

    def _path(self, name: str, *, reference: bool) -> PathField | None:
        text = self.string(name)
        if text is None:
            return None
        try:
            return read_path(text, reference=reference)
        except PathSyntaxError as error:
            message = "Value is not a Reference Path" if reference else _NO_JSONPATH
            self.error(message, name, hint=f"{text}: {error}")
        except UnsupportedError as error:
            self.compilation.diagnostics.refused(error, (*self.place, name))
        return None

    def result_path(self, name: str) -> ResultPath | None:
        self._read.add(name)
        if name in self.values and self.values[name] is None:
            return ResultPath(discard=True)
        text = self.string(name)
        if text is None:
            return None
        try:
            return read_result_path(text)
        except PathSyntaxError as error:
            self.error("Value is not a Reference Path", name, hint=f"{text}: {error}")
            return None

    def payload(self, name: str) -> Evaluator | None:
        """A payload template, or a JSON value with JSONata in it, by the state's language."""
        self._read.add(name)
        if name not in self.values:
            return None
        place = (*self.place, name)
        diagnostics = self.compilation.diagnostics
        if self.language == "JSONPath":
            return compile_template(self.values[name], diagnostics=diagnostics, place=place)
        return compile_jsonata_template(
            self.values[name],
            field=self.query_field(name).name,
            engine=self.compilation.engine,
            diagnostics=diagnostics,
            place=place,
        )

    def query_field(self, name: str) -> QueryField:
        compilation = self.compilation
        where = location((*self.place[self.depth :], name))[1:]
        place = (*self.place, name)
        return QueryField(where, place, compilation.engine, compilation.diagnostics)

    def query(self, name: str, kind: str, fits: Callable[[Json], bool]) -> Evaluator | None:
        """The field's JSONata expression, held to `kind`; None where the field is no expression
        (in a JSONPath state nothing is)."""
        value = self.values.get(name)
        if self.language == "JSONPath" or not isinstance(value, str):
            return None
        if not is_query(value):
            return None
        self._read.add(name)
        return read_typed_query(value, self.query_field(name), kind, fits) or constant(None)
