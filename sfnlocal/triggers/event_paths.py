"""The JSON paths of rules and pipes: InputPath and the paths of an input transformer.

A small part of JSONPath: names after dots (with dashes, underscores, slashes), array indexes and
wildcards. What a path does not find is simply not there.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from sfnlocal.ports import Json

# Gives MISSING where there is nothing.
EventPath: TypeAlias = Callable[[Json], Json]

MISSING: Final = object()
_CHARS_MAX = 256
_STEP = re.compile(r"\.(?P<name>[\w/-]+|\*)|\[(?P<index>\d+|\*)\]|\['(?P<quoted>[^']+)'\]")


def event_path(text: str) -> EventPath:
    """ValueError says what is wrong with the path."""
    if len(text) > _CHARS_MAX:
        raise ValueError(f"the path is {len(text)} characters long, of {_CHARS_MAX} at most")
    if not text.startswith("$"):
        raise ValueError(f"{text!r} does not start with $")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ValueError(f"{text!r} is no path that EventBridge knows, from {text[at:]!r} on")
        name = step["name"] or step["index"] or step["quoted"]
        steps.append(int(name) if step["index"] and name != "*" else name)
        at = step.end()
    return _finder(tuple(steps))


def _finder(steps: tuple[str | int, ...]) -> EventPath:
    if "*" not in steps:
        return lambda event: _one(event, steps)

    def find(event: Json) -> Json:
        found = [event]
        for step in steps:
            if step == "*":
                found = [child for value in found for child in _children(value)]
            else:
                picked = (_one(value, (step,)) for value in found)
                found = [value for value in picked if value is not MISSING]
        return found

    return find


def _one(value: Json, steps: tuple[str | int, ...]) -> Json:
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return MISSING
    return value


def _children(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
