"""Which route of an HTTP API takes a request.

Strategy: of the routes whose method and path match, segment for segment, the one wins that is the
more specific at the first segment where two differ: text before a variable before a greedy
variable. At the same path a method comes before ANY. `$default` takes what is left.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ROUTE_KEY = re.compile(rf"(?:{'|'.join(METHODS)}) /\S*")
_VARIABLE = re.compile(r"\{([A-Za-z0-9_.-]+)(\+?)\}")
_TEXT, _ANY_TEXT, _GREEDY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class RouteKey:
    """`GET /pets/{petId}` or `$default`, taken apart."""

    text: str
    method: str
    segments: tuple[str, ...]

    @property
    def path(self) -> str:
        """`/pets/{petId}`; of `$default` itself."""
        return self.text.partition(" ")[2] or self.text

    def rank(self) -> tuple[tuple[int, ...], bool]:
        return tuple(_kind(segment) for segment in self.segments), self.method == "ANY"


class Match(NamedTuple):
    key: RouteKey
    path_parameters: dict[str, str]


def parse_route_key(text: str) -> RouteKey:
    """Raises ValueError, which says what AWS minds."""
    if text == "$default":
        return RouteKey(text, "ANY", ())
    if _ROUTE_KEY.fullmatch(text) is None:
        raise ValueError(f"the route key {text!r} is neither $default nor a METHOD /path")
    method, _, path = text.partition(" ")
    segments = _split(path)
    names: list[str] = []
    for index, segment in enumerate(segments):
        variable = _VARIABLE.fullmatch(segment)
        if variable is None and ("{" in segment or "}" in segment):
            raise ValueError(f"a path variable of {text!r} is not a whole part between slashes")
        if variable is None:
            continue
        names.append(variable[1])
        if variable[2] and index < len(segments) - 1:
            raise ValueError(f"the greedy path variable of {text!r} is not its last part")
    if len(names) != len(set(names)):
        raise ValueError(f"{text!r} has two path variables of the same name")
    return RouteKey(text, method, segments)


def select_route(keys: Iterable[RouteKey], method: str, path: str) -> Match | None:
    """`path` is without the stage, percent signs and all."""
    asked = _split(path)
    found: list[Match] = []
    default: RouteKey | None = None
    for key in keys:
        if key.text == "$default":
            default = key
        elif key.method in ("ANY", method):
            values = _values(key.segments, asked)
            if values is not None:
                found.append(Match(key, values))
    if found:
        return min(found, key=lambda match: match.key.rank())
    return None if default is None else Match(default, {})


def _values(segments: tuple[str, ...], asked: tuple[str, ...]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for index, segment in enumerate(segments):
        variable = _VARIABLE.fullmatch(segment)
        if index >= len(asked):
            return None
        if variable is None:
            if unquote(asked[index]) != segment:
                return None
        elif variable[2]:
            values[variable[1]] = unquote("/".join(asked[index:]))
            return values if values[variable[1]] else None
        elif not asked[index]:
            return None
        else:
            values[variable[1]] = unquote(asked[index])
    return values if len(asked) == len(segments) else None


def _split(path: str) -> tuple[str, ...]:
    inner = path.removeprefix("/")
    return tuple(inner.split("/")) if inner else ()


def _kind(segment: str) -> int:
    variable = _VARIABLE.fullmatch(segment)
    if variable is None:
        return _TEXT
    return _GREEDY if variable[2] else _ANY_TEXT
