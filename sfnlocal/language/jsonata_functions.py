"""The functions that Step Functions adds to JSONata, and those that must not reach for chance.

An undefined first argument gives undefined, as with JSONata's own functions; engines pass
undefined and null both as None.
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import TypeAlias

from sfnlocal.language.intrinsic_functions import (
    FunctionError,
    hash_text,
    inclusive_range,
    parse_json,
    partition,
    random_uuid,
)
from sfnlocal.language.java_random import JavaRandom
from sfnlocal.language.wording import is_integer, is_number
from sfnlocal.limits import JSONATA_RANGE_ITEMS_MAX
from sfnlocal.ports import Json, Rng

_Function: TypeAlias = Callable[..., Json]


def _integer(name: str, value: Json) -> int:
    if not is_integer(value):
        raise FunctionError(f"the {name} must be an integer")
    return int(value)


def _truncated(name: str, value: Json) -> int:
    """Towards zero, as AWS was measured to do: https://github.com/floci-io/floci/pull/2676"""
    if not is_number(value):
        raise FunctionError(f"the {name} must be a number")
    return int(value)


def _partition(_rng: Rng, array: Json = None, size: Json = None) -> Json:
    if array is None:
        return None
    length = _truncated("chunk size", size)
    if length <= 0:
        raise FunctionError("the chunk size must be positive")
    return partition(array if isinstance(array, list) else [array], length)


def _range(_rng: Rng, first: Json = None, last: Json = None, step: Json = None) -> Json:
    """What bounds it is memory, not the 1,000 items of States.ArrayRange."""
    start, end = _truncated("start", first), _truncated("end", last)
    numbers = inclusive_range(start, end, _truncated("step", step))
    if numbers[JSONATA_RANGE_ITEMS_MAX:]:
        raise FunctionError(
            "Expression evaluation memory limit exceeded: Check for excessive memory usage"
        )
    return list(numbers)


def _hash(_rng: Rng, text: Json = None, algorithm: Json = None) -> Json:
    if text is None:
        return None
    if not isinstance(text, str):
        raise FunctionError("the first argument of $hash must be a string")
    return hash_text(text, algorithm)


def _random(rng: Rng, seed: Json = None) -> Json:
    if seed is None:
        return rng.random()
    return JavaRandom(_integer("seed", seed)).next_double()


def _uuid(rng: Rng) -> Json:
    return random_uuid(rng)


def _parse(_rng: Rng, text: Json = None) -> Json:
    if text is None:
        return None
    if not isinstance(text, str):
        raise FunctionError("the argument of $parse must be a string")
    return parse_json(text)


def _shuffle(rng: Rng, array: Json = None) -> Json:
    """Fisher and Yates, from the last place down."""
    if array is None:
        return None
    items = list(array) if isinstance(array, list) else [array]
    for place in range(len(items) - 1, 0, -1):
        other = int(rng.random() * (place + 1))
        items[place], items[other] = items[other], items[place]
    return items


# $eval is JSONata's, and not available on AWS: calling it fails as for any unknown name.
FUNCTIONS: dict[str, Callable[..., Json] | None] = {
    "eval": None,
    "hash": _hash,
    "parse": _parse,
    "partition": _partition,
    "random": _random,
    "range": _range,
    "shuffle": _shuffle,
    "uuid": _uuid,
}


# jlens asks for the signature of each function that it is given, at each evaluation.
_SIGNATURES = {
    name: signature(partial(function, None)) for name, function in FUNCTIONS.items() if function
}


def bound_functions(names: tuple[str, ...], rng: Rng) -> dict[str, _Function | Json]:
    """Those of FUNCTIONS that an expression names, drawing from `rng`."""
    return {name: _bound(name, rng) for name in names}


def _bound(name: str, rng: Rng) -> _Function | None:
    function = FUNCTIONS[name]
    if function is None:
        return None
    bound = partial(function, rng)
    bound.__signature__ = _SIGNATURES[name]  # type: ignore[attr-defined]
    return bound
