"""Input transformers: a template whose placeholders are filled from the event.

Strategy: the template is cut once into texts and placeholders, and for each placeholder it is
noted whether it stands inside of a JSON string. There a value becomes part of the string; elsewhere
it is JSON. What a path does not find does not appear in the output.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.timestamps import instant
from sfnlocal.triggers.event_paths import MISSING, EventPath, event_path

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html
_PATHS_MAX = 100
_TEMPLATE_CHARS_MAX = 8_192

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_VARIABLE = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Occasion(NamedTuple):
    """What a template can speak of besides the event: the rule, and when the event arrived."""

    rule_arn: str
    rule_name: str
    ingested_ms: int


_PREDEFINED: Mapping[str, Callable[[Json, Occasion], Json]] = {
    "aws.events.rule-arn": lambda event, occasion: occasion.rule_arn,
    "aws.events.rule-name": lambda event, occasion: occasion.rule_name,
    "aws.events.event.ingestion-time": lambda event, occasion: instant(occasion.ingested_ms),
    "aws.events.event": lambda event, occasion: {
        name: value for name, value in event.items() if name != "detail"
    },
    "aws.events.event.json": lambda event, occasion: event,
}


@dataclass(frozen=True, slots=True)
class _Placeholder:
    name: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class InputTransformer:
    """`paths` by variable; `parts` are the template's texts and placeholders in turn. `plain`: it
    is no JSON, and strings stand in it as they are."""

    paths: Mapping[str, EventPath]
    parts: tuple[str | _Placeholder, ...]
    plain: bool

    def __call__(self, event: Json, occasion: Occasion) -> str:
        """The target's input."""
        return "".join(
            part if isinstance(part, str) else self._filled(part, event, occasion)
            for part in self.parts
        )

    def _filled(self, placeholder: _Placeholder, event: Json, occasion: Occasion) -> str:
        predefined = _PREDEFINED.get(placeholder.name)
        if predefined is not None:
            value = predefined(event, occasion)
        else:
            value = self.paths[placeholder.name](event)
        if value is MISSING:
            return ""
        if isinstance(value, str) and (self.plain or placeholder.quoted):
            return value if self.plain else json.dumps(value, ensure_ascii=False)[1:-1]
        text = json_text(value)
        # AWS: its contents are not escaped.
        if placeholder.quoted and predefined is None:
            return json.dumps(text, ensure_ascii=False)[1:-1]
        return text


def input_transformer(paths: Mapping[str, str], template: str) -> InputTransformer:
    """From InputPathsMap and InputTemplate. ValueError says what is wrong with them."""
    if len(paths) > _PATHS_MAX:
        raise ValueError(f"InputPathsMap has {len(paths)} entries, of {_PATHS_MAX} at most")
    if not 1 <= len(template) <= _TEMPLATE_CHARS_MAX:
        raise ValueError(
            f"InputTemplate is {len(template)} characters long, of 1 to {_TEMPLATE_CHARS_MAX}"
        )
    compiled: dict[str, EventPath] = {}
    for name, path in paths.items():
        if name.upper().startswith("AWS.") or not _VARIABLE.fullmatch(name):
            raise ValueError(f"InputPathsMap: {name!r} is no name that a variable can have")
        compiled[name] = event_path(path)
    known = {*_PREDEFINED, *compiled}
    plain = not _looks_like_json(template)
    parts = tuple(_parts(template))
    for part in parts:
        if isinstance(part, _Placeholder) and part.name not in known:
            raise ValueError(f"InputTemplate contains invalid placeholder <{part.name}>")
    if template.lstrip()[0] in "{[":
        _check_json(parts)
    return InputTransformer(compiled, parts, plain)


def _looks_like_json(template: str) -> bool:
    """An object, an array, strings, or one value that the event has."""
    text = template.strip()
    return text.startswith(("{", "[", '"')) or _PLACEHOLDER.fullmatch(text) is not None


def _parts(template: str) -> list[str | _Placeholder]:
    parts: list[str | _Placeholder] = []
    quoted = False
    at = 0
    for found in _PLACEHOLDER.finditer(template):
        text = template[at : found.start()]
        quoted = _is_quoted_after(text, quoted)
        parts += [text, _Placeholder(found[1], quoted)]
        at = found.end()
    parts.append(template[at:])
    return parts


def _is_quoted_after(text: str, quoted: bool) -> bool:
    """Does what follows the text stand inside of a JSON string?"""
    return quoted ^ (re.sub(r"\\.", "", text).count('"') % 2 == 1)


def _check_json(parts: tuple[str | _Placeholder, ...]) -> None:
    sample = "".join(
        part if isinstance(part, str) else "" if part.quoted else "null" for part in parts
    )
    try:
        json.loads(sample)
    except ValueError as error:
        raise ValueError(f"InputTemplate is no valid JSON: {error}") from None
