"""Finds the definitions in files and says what is wrong with them, and where.

A file is a definition (JSON or YAML) or a CloudFormation template; a folder is a cloud assembly.
`${Name}` in a definition file is open: what it stands for is held to be right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from sfnlocal.cli.source_text import Node, SourceText, read_json, read_yaml
from sfnlocal.errors import DefinitionError, Diagnostic, InputError, SfnLocalError
from sfnlocal.language import diagnose
from sfnlocal.language.diagnostics import MISSING_END, MISSING_TARGET, location, pointer
from sfnlocal.ports import Json
from sfnlocal.template.yaml_templates import YAML_SUFFIXES, parse_yaml

_Place: TypeAlias = tuple[str | int, ...]

_NO_JSON = "INVALID_JSON_DESCRIPTION"
# What stands for a part of a text that only CloudFormation knows.
_OPEN_PART = "${Part}"
_TRANSITIONS = ("StartAt", "Next", "Default", "End")


class Finding(NamedTuple):
    """`machine` is the state machine's construct path or logical id in a template."""

    file: str
    line: int
    column: int
    severity: str
    code: str
    message: str
    pointer: str
    hint: str
    machine: str = ""


class Validation(NamedTuple):
    """`definitions` is how many were looked at."""

    definitions: int
    findings: list[Finding]


def validate(path: Path, type: str) -> Validation:
    """`type` is that of a definition in a file of its own, STANDARD or EXPRESS. Raises
    InputError, and what a template or assembly that cannot be read raises."""
    if path.is_dir():
        return _of_app(path)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError(f"is no UTF-8 text: {error}", where=str(path)) from None
    document, node = _read(text, path)
    if isinstance(document, dict) and "Resources" in document and "States" not in document:
        return _of_app(path)
    if isinstance(document, Diagnostic):
        return Validation(1, [_finding(path, SourceText(text).position(node.at), document)])
    return Validation(1, list(_of_definition(path, text, document, node, type)))


def _read(text: str, path: Path) -> tuple[Json | Diagnostic, Node]:
    """The document, or what keeps it from being one; its node is the root, or the bad place."""
    if path.suffix in YAML_SUFFIXES:
        return parse_yaml(text, str(path)), Node(None, 0)
    try:
        return json.loads(text, parse_constant=_refuse), Node(None, 0)
    except ValueError:
        pass
    if not text.strip():
        return None, Node("", 0)
    try:
        node = read_json(text)
    except json.JSONDecodeError as error:
        return Diagnostic(_NO_JSON, "", error.msg), Node(None, min(error.pos, len(text)))
    return node.value, node


def _refuse(name: str) -> Json:
    raise ValueError(name)


def _of_definition(
    path: Path, text: str, definition: Json, node: Node, type: str
) -> Iterator[Finding]:
    found = diagnose(definition if isinstance(definition, dict) else [], type=type)
    if not found:
        return
    source = SourceText(text)
    if path.suffix in YAML_SUFFIXES:
        node = read_yaml(source)
    elif node.value is None:
        node = read_json(text)
    for diagnostic in _decided(found, node):
        *_, last = node.along(diagnostic.place)
        yield _finding(path, source.position(last.at), diagnostic)


def _decided(found: tuple[Diagnostic, ...], node: Node) -> list[Diagnostic]:
    """Without what depends on a value that is open."""
    open_places = list(_open_places(node, ()))
    decided = [
        one
        for one in found
        if _is_about_name(one) or not any(one.place[: len(place)] == place for place in open_places)
    ]
    if any(place and place[-1] in _TRANSITIONS for place in open_places):
        # What leads where is open too.
        return [one for one in decided if one.code not in (MISSING_TARGET, MISSING_END)]
    return decided


def _is_about_name(one: Diagnostic) -> bool:
    """A field that is not supported is wrong whatever it holds; AWS names the object it is in.
    So it does for what is wrong in `name.$`, but that is about the value."""
    name = str(one.place[-1]) if one.place else ""
    return one.location != location(one.place) and not name.endswith(".$")


def _open_places(node: Node, place: _Place) -> Iterator[_Place]:
    if node.is_open:
        yield place
    for step, child in node.children.items():
        yield from _open_places(child, (*place, step))


def _of_app(path: Path) -> Validation:
    from sfnlocal.template import load_app

    templates = _Templates(path if path.is_dir() else path.parent)
    try:
        app = load_app(path)
    except DefinitionError as error:
        wrong = Diagnostic(_NO_JSON, "", error.message, hint=error.hint)
        return Validation(1, [templates.finding(error.where, "", wrong)])
    findings = [
        templates.finding(machine.resource.where, machine.resource.path, diagnostic)
        for machine in app.state_machines
        for diagnostic in diagnose(machine.definition, type=machine.type)
    ]
    refused = [resource for resource in app.resources if resource.arn in app.refused]
    for resource in refused:
        type = str(resource.properties.get("StateMachineType", "STANDARD"))
        findings += [
            templates.finding(resource.where, resource.path, diagnostic)
            for diagnostic in templates.diagnosed(resource.where, type, app.refused[resource.arn])
        ]
    return Validation(len(app.state_machines) + len(refused), findings)


class _Templates:
    """The templates of a folder, as far as there is something to say about them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[SourceText, Node]] = {}

    def finding(self, where: str, machine: str, diagnostic: Diagnostic) -> Finding:
        """`where` is `template#/Resources/Id`, and may go on into the properties."""
        path, source, properties = self._properties(where)
        root, offsets = _definition_in(properties)
        *_, found = root.along(diagnostic.place)
        at = offsets[found.at] if offsets and found.at < len(offsets) else found.at
        return _finding(path, source.position(at), diagnostic, machine)

    def diagnosed(self, where: str, type: str, refusal: SfnLocalError) -> list[Diagnostic]:
        """Of a definition of which a part is known in AWS only: that part is open."""
        _, _, properties = self._properties(where)
        root, _ = _definition_in(properties)
        if not root.value:
            return [Diagnostic("NEEDS_AWS", "", refusal.message, "NOTE", refusal.hint)]
        return _decided(diagnose(root.value, type=type), root)

    def _properties(self, where: str) -> tuple[Path, SourceText, Node]:
        label, _, tokens = where.partition("#/")
        path = self._folder / label
        if path not in self._read:
            source = SourceText(path.read_text("utf-8"))
            is_yaml = path.suffix in YAML_SUFFIXES
            self._read[path] = source, read_yaml(source) if is_yaml else read_json(source.text)
        source, root = self._read[path]
        section, logical_id = tokens.split("/")[:2]
        *_, properties = root.along((section, logical_id, "Properties"))
        return path, source, properties


def _definition_in(properties: Node) -> tuple[Node, list[int] | None]:
    """The definition's node; where it is a text, offsets in the file by offsets in the text."""
    for name in ("DefinitionString", "Definition", "DefinitionS3Location"):
        if name in properties.children:
            node = properties.children[name]
            if name == "Definition":
                return node, None
            # What stands in another file has no places here.
            return _read_parts(node) if name == "DefinitionString" else (Node({}, node.at), None)
    return Node({}, properties.at), None


def _read_parts(node: Node) -> tuple[Node, list[int] | None]:
    """A text, an Fn::Sub of one, or an Fn::Join of parts in which functions are left open."""
    parts = _text_parts(node)
    text = "".join(part.value if isinstance(part.value, str) else _OPEN_PART for part in parts)
    try:
        return read_json(text), [offset for part in parts for offset in _characters(part)]
    except json.JSONDecodeError:
        return Node({}, node.at), None


def _characters(part: Node) -> list[int]:
    """The offsets of a part's characters; all the same where they cannot be told apart."""
    if part.content is not None:
        return part.content()
    return [part.at] * len(part.value if isinstance(part.value, str) else _OPEN_PART)


def _text_parts(node: Node) -> list[Node]:
    substituted = node.children.get("Fn::Sub")
    if substituted is not None:
        return [substituted.children.get(0, substituted)]
    joined = node.children.get("Fn::Join")
    if joined is not None and 1 in joined.children:
        return list(joined.children[1].children.values())
    return [node]


def _finding(
    path: Path, position: tuple[int, int], diagnostic: Diagnostic, machine: str = ""
) -> Finding:
    return Finding(
        str(path),
        *position,
        diagnostic.severity,
        diagnostic.code,
        diagnostic.message,
        pointer(diagnostic.place),
        diagnostic.hint,
        machine,
    )
