"""Input templates of pipes: what the enrichment and the target get of each record.

Strategy: a template that is JSON is parsed once, with markers in the place of its variables, and
filled as a tree: so strings get their quotes, and what a path does not find is left out. Any other
template is text. `<$.path>` alone gives the value itself; of an object or array AWS removes the
quotes then, and what gets it must take text.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.timestamps import instant
from sfnlocal.triggers.event_paths import MISSING, event_path
from sfnlocal.triggers.filter_criteria import implied_body

TEMPLATE_CHARS_MAX = 8_192

_VARIABLE = re.compile(r"<(\$[^<>]*|aws\.pipes\.[a-z.-]+)>")
_MARKER = re.compile("\ue000(\\d+)\ue001")


class Occasion(NamedTuple):
    """What templates can speak of besides the event."""

    pipe_arn: str
    pipe_name: str
    source_arn: str
    enrichment_arn: str
    target_arn: str
    now_ms: int


class Item(NamedTuple):
    """One record on its way: `event` is what variables see, `original` as it came."""

    event: Json
    original: Json


class Rendered(NamedTuple):
    """`value` is JSON, or `text` is what it is instead."""

    value: Json
    text: str | None = None

    @property
    def as_text(self) -> str:
        """For targets that take text."""
        if self.text is not None:
            return self.text
        return self.value if isinstance(self.value, str) else json_text(self.value)


def source_item(record: dict[str, Json]) -> Item:
    """A message: its body is parsed for variables."""
    return Item({**record, "body": implied_body(record["body"])}, record)


def enriched_item(answer: Json) -> Item:
    return Item(answer, answer)


def _event_json(item: Item, occasion: Occasion) -> Json:
    """Only of what is JSON."""
    inner = item.event.get("body", item.event) if isinstance(item.event, dict) else item.event
    return MISSING if isinstance(inner, str) else item.event


_Variable: TypeAlias = Callable[[Item, Occasion], Json]

_RESERVED: Mapping[str, _Variable] = {
    "aws.pipes.pipe-arn": lambda item, occasion: occasion.pipe_arn,
    "aws.pipes.pipe-name": lambda item, occasion: occasion.pipe_name,
    "aws.pipes.source-arn": lambda item, occasion: occasion.source_arn,
    "aws.pipes.enrichment-arn": lambda item, occasion: occasion.enrichment_arn,
    "aws.pipes.target-arn": lambda item, occasion: occasion.target_arn,
    "aws.pipes.event.ingestion-time": lambda item, occasion: instant(occasion.now_ms),
    "aws.pipes.event": lambda item, occasion: (
        item.original if isinstance(item.original, str) else json_text(item.original)
    ),
    "aws.pipes.event.json": _event_json,
}

# Fills a part of the template.
_Filler: TypeAlias = Callable[[Item, Occasion], Json]
# Fills a template for a record.
PipeTemplate: TypeAlias = Callable[[Item, Occasion], Rendered]


def pipe_template(text: str) -> PipeTemplate | None:
    """None for an empty template, which changes nothing. ValueError says what is wrong."""
    if len(text) > TEMPLATE_CHARS_MAX:
        raise ValueError(f"InputTemplate has {len(text)} characters, of {TEMPLATE_CHARS_MAX}")
    if not text.strip():
        return None
    variables: list[_Variable] = []
    marked = _VARIABLE.sub(lambda found: _marker(found[1], variables), text)
    alone = _MARKER.fullmatch(marked.strip())
    if alone is not None:
        return _alone(variables[0])
    try:
        tree = json.loads(_quoted_markers(marked))
    except ValueError as error:
        if text.lstrip()[0] in "{[":
            raise ValueError(f"InputTemplate is no valid JSON: {error}") from None
        in_text = _in_text(marked, variables)
        return lambda item, occasion: Rendered(None, in_text(item, occasion))
    fill = _filler(tree, variables)
    return lambda item, occasion: Rendered(fill(item, occasion))


def checked_template(text: str | None) -> PipeTemplate | None:
    """The same; raises ApiError."""
    try:
        return pipe_template(text or "")
    except ValueError as error:
        raise ApiError("ValidationException", str(error)) from None


def _marker(name: str, variables: list[_Variable]) -> str:
    variables.append(_variable(name))
    return f"\ue000{len(variables) - 1}\ue001"


def _variable(name: str) -> _Variable:
    if not name.startswith("$"):
        if name not in _RESERVED:
            raise ValueError(f"InputTemplate contains the unknown variable <{name}>")
        return _RESERVED[name]
    path = event_path(name)
    return lambda item, occasion: path(item.event)


def _quoted_markers(marked: str) -> str:
    """Markers that stand outside of a string become strings of their own."""
    quoted, parts, at = False, [], 0
    for found in _MARKER.finditer(marked):
        before = marked[at : found.start()]
        quoted ^= re.sub(r"\\.", "", before).count('"') % 2 == 1
        # A second sign tells the value itself from a part of a string.
        parts += [before, found[0] if quoted else f'"\ue002{found[0]}"']
        at = found.end()
    return "".join([*parts, marked[at:]])


def _filler(tree: Json, variables: list[_Variable]) -> _Filler:
    match tree:
        case dict():
            members = [(name, _filler(value, variables)) for name, value in tree.items()]
            return lambda item, occasion: {
                name: value
                for name, fill in members
                if (value := fill(item, occasion)) is not MISSING
            }
        case list():
            fillers = [_filler(value, variables) for value in tree]
            return lambda item, occasion: [
                value for fill in fillers if (value := fill(item, occasion)) is not MISSING
            ]
        case str() if tree.startswith("\ue002"):
            found = _MARKER.fullmatch(tree[1:])
            assert found is not None
            return variables[int(found[1])]
        case str() if _MARKER.search(tree):
            return _in_text(tree, variables)
    return lambda item, occasion: tree


def _in_text(marked: str, variables: list[_Variable]) -> _Filler:
    def fill(item: Item, occasion: Occasion) -> str:
        return _MARKER.sub(
            lambda found: _without_quotes(variables[int(found[1])](item, occasion)), marked
        )

    return fill


def _alone(variable: _Variable) -> PipeTemplate:
    def fill(item: Item, occasion: Occasion) -> Rendered:
        value = variable(item, occasion)
        if isinstance(value, dict | list):
            return Rendered(None, _without_quotes(value))
        return Rendered("" if value is MISSING else value)

    return fill


def _without_quotes(value: Json) -> str:
    """As part of a text."""
    if value is MISSING:
        return ""
    return value if isinstance(value, str) else json_text(value).replace('"', "")
