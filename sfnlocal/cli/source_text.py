"""Where in a file a value stands: JSON and YAML read to nodes that know their line and column.

Only files with something to say about them are read this way; a clean one costs nothing. JSON may
hold `${Name}`, CloudFormation's substitutions, as a whole value or inside a string: what they
stand for is open. Strategy for text inside text (a DefinitionString): the inner text is read to
nodes of its own, and its offsets are counted back through the outer literal.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeAlias

from sfnlocal.ports import Json

Position: TypeAlias = tuple[int, int]
"""Line and column, from 1."""

SUBSTITUTION = re.compile(r"\$\{[\w.:-]+\}")
_SPACE = re.compile(r"[ \t\r\n]*")
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)


@dataclass(slots=True)
class Node:
    """One value. `at` is where it starts, or where its key does; `children` by key or index.
    `content` gives the offsets of a string's characters in the file, where they are known."""

    value: Json
    at: int
    children: dict[str | int, Node] = field(default_factory=dict)
    content: Callable[[], list[int]] | None = None

    @property
    def is_open(self) -> bool:
        """Whether CloudFormation decides on it: it holds a substitution, or is a function."""
        if isinstance(self.value, str):
            return SUBSTITUTION.search(self.value) is not None
        return len(self.children) == 1 and any(
            isinstance(key, str) and (key == "Ref" or key.startswith("Fn::"))
            for key in self.children
        )

    def along(self, place: tuple[str | int, ...]) -> Iterator[Node]:
        """The nodes on the way to a place, as far as there are any; this one first."""
        node = self
        yield node
        for step in place:
            if step not in node.children:
                return
            node = node.children[step]
            yield node


class SourceText:
    """The text of a file, and how its offsets are told."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [0, *(match.end() for match in re.finditer(r"\n", text))]

    def position(self, offset: int) -> Position:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def line_start(self, line: int) -> int:
        """The offset of a line, from 0."""
        return self._lines[line] if line < len(self._lines) else len(self.text)


def read_json(text: str) -> Node:
    """Raises json.JSONDecodeError."""
    reader = _JsonReader(text)
    node, end = reader.value(reader.skip(0))
    if reader.skip(end) != len(text):
        raise json.JSONDecodeError("Extra data", text, reader.skip(end))
    return node


class _JsonReader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._scalar = json.JSONDecoder(parse_constant=_no_constant)

    def skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def value(self, at: int) -> tuple[Node, int]:
        first = self._text[at : at + 1]
        if first == "{":
            return self._object(at)
        if first == "[":
            return self._array(at)
        substitution = SUBSTITUTION.match(self._text, at)
        if substitution:
            return Node(substitution[0], at), substitution.end()
        try:
            value, end = self._scalar.raw_decode(self._text, at)
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            raise json.JSONDecodeError(str(error), self._text, at) from None
        content = partial(_offsets, self._text, at, end) if isinstance(value, str) else None
        return Node(value, at, content=content), end

    def _object(self, start: int) -> tuple[Node, int]:
        node = Node({}, start)
        at = self.skip(start + 1)
        if self._text[at : at + 1] == "}":
            return node, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                message = "Expecting property name enclosed in double quotes"
                raise json.JSONDecodeError(message, self._text, at)
            key, end = self._scalar.raw_decode(self._text, at)
            member, end = self.value(self.skip(self._take(":", self.skip(end))))
            node.value[key] = member.value
            node.children[key] = Node(member.value, at, member.children, member.content)
            end = self.skip(end)
            if self._text[end : end + 1] == "}":
                return node, end + 1
            at = self.skip(self._take(",", end))

    def _array(self, start: int) -> tuple[Node, int]:
        node = Node([], start)
        at = self.skip(start + 1)
        if self._text[at : at + 1] == "]":
            return node, at + 1
        while True:
            item, end = self.value(at)
            node.children[len(node.value)] = item
            node.value.append(item.value)
            end = self.skip(end)
            if self._text[end : end + 1] == "]":
                return node, end + 1
            at = self.skip(self._take(",", end))

    def _take(self, expected: str, at: int) -> int:
        if self._text[at : at + 1] != expected:
            raise json.JSONDecodeError(f"Expecting '{expected}' delimiter", self._text, at)
        return at + 1


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _offsets(text: str, start: int, end: int) -> list[int]:
    """Where the characters of the string literal from `start` to `end` stand. A character that
    is escaped as two has the place of both."""
    offsets = []
    at = start + 1
    while at < end - 1:
        offsets.append(at)
        escape = _ESCAPE.match(text, at)
        at = escape.end() if escape else at + 1
    return offsets


def read_yaml(source: SourceText) -> Node:
    """As `parse_yaml` reads it: short forms of intrinsic functions are long here too. The text
    has been parsed before, so it is YAML."""
    import yaml  # type: ignore[import-untyped]

    return _yaml_node(yaml.compose(source.text, yaml.SafeLoader), source)


def _yaml_node(node: Any, source: SourceText) -> Node:
    at = node.start_mark.index
    inner = _untagged(node, at, source)
    if not node.tag.startswith("!"):
        return inner
    name = node.tag[1:]
    key = name if name in ("Ref", "Condition") else f"Fn::{name}"
    return Node({key: inner.value}, at, {key: inner})


def _untagged(node: Any, at: int, source: SourceText) -> Node:
    kind = node.id
    if kind == "mapping":
        members: dict[str | int, Node] = {}
        for key, value in node.value:
            member = _yaml_node(value, source)
            members[str(key.value)] = Node(
                member.value, key.start_mark.index, member.children, member.content
            )
        return Node({key: one.value for key, one in members.items()}, at, members)
    if kind == "sequence":
        items = [_yaml_node(item, source) for item in node.value]
        return Node([item.value for item in items], at, dict(enumerate(items)))
    content = partial(_block_offsets, node, source) if node.style == "|" else None
    return Node(node.value, at, content=content)


def _block_offsets(node: Any, source: SourceText) -> list[int]:
    """Where the characters of a literal block stand: each line after the same indentation."""
    lines = node.value.split("\n")
    first = node.start_mark.line + 1
    indent = 0
    for number, line in enumerate(lines):
        if line.strip():
            start = source.line_start(first + number)
            indent = source.text.index(line, start) - start
            break
    offsets: list[int] = []
    for number, line in enumerate(lines):
        start = source.line_start(first + number) + indent
        offsets += range(start, start + len(line) + 1)
    return offsets
