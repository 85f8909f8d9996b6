"""What each step of a JSONPath finds: a table from kind of step to a function of values.

Each function takes the values found so far and gives those found one step further; what a step
does not fit (a name on a list, an index past the end) is left out without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sfnlocal.language.jsonpath_syntax import (
    Deep,
    Filter,
    Function,
    Indexes,
    Names,
    Slice,
    Step,
    Wildcard,
)
from sfnlocal.ports import Json


def find(steps: tuple[Step, ...], start: Json, root: Json) -> list[Json]:
    """All values that `steps` find from `start`; `root` is what `$` means inside filters."""
    values = [start]
    last = len(steps) - 1
    deep = False
    for place, step in enumerate(steps):
        if isinstance(step, str):
            values = [each[step] for each in values if type(each) is dict and step in each]
        elif isinstance(step, int):
            values = [each[step] for each in values if _has_index(each, step)]
        elif isinstance(step, Deep):
            values = [below for each in values for below in _walk(each)]
        elif isinstance(step, Filter):
            # After `..` each object is asked itself, not once more as an item of its list.
            candidates = values if deep else [item for each in values for item in _asked(each)]
            values = [
                each for each in candidates if type(each) is dict and step.accepts(each, root)
            ]
        elif isinstance(step, Names) and place == last:
            values = [_picked(each, step.names) for each in values if type(each) is dict]
        else:
            values = _SELECT[type(step)](step, values)
        deep = isinstance(step, Deep)
    return values


def identical(left: Json, right: Json) -> bool:
    """Equal as JSON: Python's own `==` takes true for 1."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(identical(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(identical, left, right))
    return bool(left == right)


def _has_index(value: Json, index: int) -> bool:
    return type(value) is list and -len(value) <= index < len(value)


def _walk(value: Json) -> Iterator[Json]:
    pending = [value]
    while pending:
        each = pending.pop()
        if type(each) is dict:
            yield each
            pending.extend(reversed(each.values()))
        elif type(each) is list:
            yield each
            pending.extend(reversed(each))


def _asked(value: Json) -> list[Json]:
    return value if type(value) is list else [value]


def _picked(value: dict[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    return {name: value[name] for name in names if name in value}


def _wildcard(_step: Wildcard, values: list[Json]) -> list[Json]:
    return [
        item
        for each in values
        if type(each) in (dict, list)
        for item in (each.values() if type(each) is dict else each)
    ]


def _names(step: Names, values: list[Json]) -> list[Json]:
    return [
        each[name] for each in values if type(each) is dict for name in step.names if name in each
    ]


def _indexes(step: Indexes, values: list[Json]) -> list[Json]:
    return [each[i] for each in values for i in step.indexes if _has_index(each, i)]


def _slice(step: Slice, values: list[Json]) -> list[Json]:
    return [item for each in values if type(each) is list for item in each[step.start : step.stop]]


def _function(step: Function, values: list[Json]) -> list[Json]:
    if step.name == "keys":
        return [list(each) for each in values if type(each) is dict]
    if step.name in ("length", "size"):
        return [len(each) for each in values if type(each) in (list, dict)]
    # sum(), min(), max(), avg() and stddev() find nothing on AWS:
    # https://repost.aws/questions/QUYiQKP0XfThWEc_ahsMnLOA
    return []


_SELECT: dict[type, Callable[..., list[Json]]] = {
    Wildcard: _wildcard,
    Names: _names,
    Indexes: _indexes,
    Slice: _slice,
    Function: _function,
}
