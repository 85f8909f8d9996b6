"""JSONPath: compiled once, evaluated often.

Strategy: a path of plain names and indexes (nearly all are) becomes a closure written for its
length; everything else goes step by step through jsonpath_steps. Only when a path finds nothing
is it walked again, to say where it ended, in the words that AWS prints.
https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from typing import Literal, NamedTuple, TypeAlias, cast

from sfnlocal.jsontext import json_text
from sfnlocal.language.jsonpath_filter import read_condition
from sfnlocal.language.jsonpath_steps import find
from sfnlocal.language.jsonpath_syntax import (
    PathSyntaxError,
    Reader,
    Step,
    is_definite,
    read_path,
)
from sfnlocal.ports import Json

__all__ = ["Path", "PathMissing", "PathSyntaxError", "SplitPath", "compile_path", "split_root"]

RootKind: TypeAlias = Literal["input", "context", "variable"]

# The names that AWS's JSON library gives to what is found where an object was expected. Not
# recorded: its values are Jackson's nodes as far as can be seen from outside (sum() finds no
# numbers).
_PROVIDER = "com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider"
_NODE_NAMES = {
    dict: "ObjectNode",
    list: "ArrayNode",
    str: "TextNode",
    bool: "BooleanNode",
    int: "IntNode",
    float: "DoubleNode",
    type(None): "NullNode",
}


class PathMissing(ValueError):  # noqa: N818  AWS calls it a missing path, not an error
    """A definite path found nothing. The text is the tail of AWS's `Invalid path '...' : ...`."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A compiled path. `definite` paths find at most one value; others give a list."""

    text: str
    steps: tuple[Step, ...]
    definite: bool
    _value: Callable[[Json], Json] = field(repr=False)

    @property
    def is_reference(self) -> bool:
        """Only names and single non-negative indexes: a place that ResultPath can write to."""
        return all(
            isinstance(step, str) or (type(step) is int and step >= 0) for step in self.steps
        )

    def values(self, root: Json) -> list[Json]:
        """All matches, none if there are none."""
        return find(self.steps, root, root)

    def get(self, root: Json) -> Json:
        """What AWS gives: the value of a definite path, or PathMissing; the list of all matches
        of any other path (recorded: an empty list even where its first name is missing)."""
        try:
            return self._value(root)
        except (LookupError, TypeError):
            raise PathMissing(_why_missing(self.steps, root)) from None


class SplitPath(NamedTuple):
    """`rest` starts with `$` and can be compiled."""

    root_kind: RootKind
    variable_name: str
    rest: str


_VARIABLE = re.compile(r"\$([^\W\d]\w*)")


def split_root(text: str) -> SplitPath:
    """Where a path starts: `$.a` in the input, `$$.a` in the Context object, `$name.a` in a
    variable. Raises PathSyntaxError where `text` starts with none of them."""
    if text.startswith("$$"):
        return SplitPath("context", "", text[1:])
    if match := _VARIABLE.match(text):
        return SplitPath("variable", match[1], "$" + text[match.end() :])
    if text.startswith("$"):
        return SplitPath("input", "", text)
    raise PathSyntaxError("a path starts with '$'", 0)


def compile_path(text: str) -> Path:
    """Raises PathSyntaxError; UnsupportedError for what AWS's dialect has and this has not."""
    steps = read_path(Reader(text, read_condition))
    definite = is_definite(steps)
    return Path(text, steps, definite, _closure(steps, definite=definite))


def _closure(steps: tuple[Step, ...], *, definite: bool) -> Callable[[Json], Json]:
    if not definite:
        return lambda root: find(steps, root, root)
    if not all(isinstance(step, str | int) for step in steps):
        return lambda root: find(steps, root, root)[0]
    if not all(isinstance(step, str) for step in steps):
        return _with_indexes(cast("tuple[str | int, ...]", steps))
    # A name on anything but an object raises KeyError or TypeError by itself.
    match steps:
        case ():
            return lambda root: root
        case (name,):
            return lambda root: root[name]
        case (first, second):
            return lambda root: root[first][second]
        case (first, second, third):
            return lambda root: root[first][second][third]
        case _:
            return lambda root: reduce(getitem, steps, root)


def _with_indexes(steps: tuple[str | int, ...]) -> Callable[[Json], Json]:
    def value(root: Json) -> Json:
        for step in steps:
            if type(step) is int and type(root) is not list:
                raise LookupError
            root = root[step]
        return root

    return value


def _fragment(step: Step) -> str:
    if isinstance(step, str):
        return f"['{step}']"
    return f"[{step}]" if isinstance(step, int) else str(step)


def _why_missing(steps: tuple[Step, ...], root: Json) -> str:
    """Walks a definite path to where it ends. Recorded: a missing name before the last step
    and at the last step; the words for a value of another kind are the Java library's."""
    path = "$"
    value = root
    for step in steps[:-1]:
        if isinstance(step, str):
            if type(value) is not dict:
                break
            if step not in value:
                return f"Missing property in path {path}{_fragment(step)}"
        elif not isinstance(step, int) or type(value) is not list:
            break
        elif not -len(value) <= step < len(value):
            return f"No results for path: ${''.join(map(_fragment, steps))}"
        value = value[step]
        path += _fragment(step)
    else:
        step = steps[-1]
    if isinstance(step, str) and type(value) is not dict:
        found = f"com.fasterxml.jackson.databind.node.{_NODE_NAMES[type(value)]}"
        return (
            f"Expected to find an object with property {_fragment(step)} in path {path} but found "
            f"'{found}'. This is not a json object according to the JsonProvider: '{_PROVIDER}'."
        )
    if isinstance(step, int) and type(value) is not list:
        return (
            f"Filter: {_fragment(step)} can only be applied to arrays. "
            f"Current context is: {json_text(value)}"
        )
    return f"No results for path: ${''.join(map(_fragment, steps))}"
