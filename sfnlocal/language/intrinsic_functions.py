"""The 18 intrinsic functions, as a table from name to what it takes and what it does.

Shapes, checks and limits are those of AWS's page. The JSONata functions that AWS adds do the same
work on the same values and share it from here.
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
import uuid
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from sfnlocal.jsontext import json_text
from sfnlocal.language.java_random import JavaRandom
from sfnlocal.language.program import Scope
from sfnlocal.language.wording import is_integer, is_number
from sfnlocal.limits import INTRINSIC_RANGE_ITEMS_MAX, INTRINSIC_TEXT_CHARS_MAX
from sfnlocal.ports import Json, Rng

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_HASHES = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


class FunctionError(ValueError):
    """A function was given what it cannot work on; the text says what and why."""


class IntrinsicFunction(NamedTuple):
    """`call(scope, *arguments)`; `arguments_max` None means any number. The result has at most
    `result_bytes` bytes, None where that depends on the arguments."""

    call: Callable[..., Json]
    arguments_min: int
    arguments_max: int | None
    result_bytes: int | None = None


# Work that intrinsic functions and JSONata functions share.


def partition(array: list[Json], size: int) -> list[Json]:
    return [array[start : start + size] for start in range(0, len(array), size)]


def inclusive_range(first: int, last: int, step: int) -> range:
    if step == 0:
        raise FunctionError("the step must not be 0")
    return range(first, last + (1 if step > 0 else -1), step)


def hash_text(text: str, algorithm: Json) -> str:
    if not isinstance(algorithm, str) or algorithm not in _HASHES:
        raise FunctionError(f"the algorithm must be one of {', '.join(_HASHES)}")
    return _HASHES[algorithm](text.encode("utf-8", "surrogatepass")).hexdigest()


def parse_json(text: str) -> Json:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise FunctionError("the text is not valid JSON") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def random_uuid(rng: Rng) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


# What AWS checks of each argument.


def _array(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise FunctionError("the first argument must be an array")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise FunctionError("the argument must be a string")
    return value


def _short_text(value: Json) -> str:
    if len(_text(value)) > INTRINSIC_TEXT_CHARS_MAX:
        raise FunctionError(f"the string has more than {INTRINSIC_TEXT_CHARS_MAX} characters")
    return str(value)


def _integer(value: Json) -> int:
    """AWS rounds a fraction; recorded: 1.5 is 2, -1.5 is -1."""
    if not is_number(value) or not math.isfinite(value):
        raise FunctionError("the argument must be an integer")
    rounded = value if is_integer(value) else math.floor(value + 0.5)
    if not _INT_MIN <= rounded <= _INT_MAX:
        raise FunctionError(f"the integer must be from {_INT_MIN} to {_INT_MAX}")
    return int(rounded)


def _array_of(_scope: Scope, *values: Json) -> Json:
    return list(values)


def _array_partition(_scope: Scope, array: Json, size: Json) -> Json:
    if (count := _integer(size)) <= 0:
        raise FunctionError("the chunk size must be a positive integer")
    return partition(_array(array), count)


def _array_contains(_scope: Scope, array: Json, value: Json) -> Json:
    wanted = _identity(value)
    return any(_identity(each) == wanted for each in _array(array))


def _identity(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _array_range(_scope: Scope, first: Json, last: Json, step: Json) -> Json:
    numbers = inclusive_range(_integer(first), _integer(last), _integer(step))
    # As a slice: the length of a range beyond sys.maxsize cannot be asked.
    if numbers[INTRINSIC_RANGE_ITEMS_MAX:]:
        raise FunctionError(f"the array would have more than {INTRINSIC_RANGE_ITEMS_MAX} items")
    return list(numbers)


def _array_get_item(_scope: Scope, array: Json, index: Json) -> Json:
    items, place = _array(array), _integer(index)
    if not 0 <= place < len(items):
        raise FunctionError(f"the index {place} is out of range for {len(items)} items")
    return items[place]


def _array_length(_scope: Scope, array: Json) -> Json:
    return len(_array(array))


def _array_unique(_scope: Scope, array: Json) -> Json:
    unique: dict[str, Json] = {}
    for each in _array(array):
        unique.setdefault(_identity(each), each)
    return list(unique.values())


def _base64_encode(_scope: Scope, text: Json) -> Json:
    return base64.b64encode(_short_text(text).encode("utf-8", "surrogatepass")).decode("ascii")


def _base64_decode(_scope: Scope, text: Json) -> Json:
    try:
        return base64.b64decode(_short_text(text), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        if isinstance(error, FunctionError):
            raise
        raise FunctionError("the string is not Base64 of UTF-8") from None


def _hash(_scope: Scope, text: Json, algorithm: Json) -> Json:
    return hash_text(_short_text(text), algorithm)


def _json_merge(_scope: Scope, first: Json, second: Json, deep: Json) -> Json:
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise FunctionError("the first two arguments must be objects")
    if deep is not False:
        raise FunctionError("the third argument must be false: only shallow merging is supported")
    return {**first, **second}


def _math_random(scope: Scope, first: Json, end: Json, seed: Json = None) -> Json:
    """The seeded number is not recorded; Java's generator is what the seeded `$random` shows."""
    start = _integer(first)
    span = _integer(end) - start
    if not 0 < span <= _INT_MAX:
        raise FunctionError("the end must be greater than the start")
    if seed is None:
        return start + int(scope.rng.random() * span)
    return start + JavaRandom(_integer(seed)).next_int(span)


def _math_add(_scope: Scope, first: Json, second: Json) -> Json:
    return _integer(first) + _integer(second)


def _string_split(_scope: Scope, text: Json, separators: Json) -> Json:
    """Every character of `separators` separates; recorded: nothing between two gives no item."""
    if _text(separators) == "":
        return [_text(text)]
    return [part for part in re.split(f"[{re.escape(separators)}]", _text(text)) if part]


def _uuid(scope: Scope) -> Json:
    return random_uuid(scope.rng)


def _string_to_json(_scope: Scope, text: Json) -> Json:
    return parse_json(_text(text))


def _json_to_string(_scope: Scope, value: Json) -> Json:
    return json_text(value)


def _format(_scope: Scope, template: Json, *values: Json) -> Json:
    return format_parts(_text(template).split("{}"), values)


def format_parts(parts: list[str], values: tuple[Json, ...]) -> str:
    """`parts` are the template's texts around its `{}`."""
    if len(values) != len(parts) - 1:
        raise FunctionError(
            f"the template has {len(parts) - 1} occurrences of {{}} but {len(values)} arguments"
        )
    joined = [parts[0]]
    for part, value in zip(parts[1:], values, strict=True):
        joined += (_java_text(value), part)
    return "".join(joined)


def _java_text(value: Json) -> str:
    """Recorded: an object is written as Java writes a map, `{a=1, b=[]}`."""
    match value:
        case str():
            return value
        case dict():
            pairs = (f"{name}={_java_text(each)}" for name, each in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list():
            return "[" + ", ".join(map(_java_text, value)) + "]"
        case _:
            return json_text(value)


FUNCTIONS = {
    "States.Array": IntrinsicFunction(_array_of, 0, None),
    "States.ArrayContains": IntrinsicFunction(_array_contains, 2, 2, 5),
    "States.ArrayGetItem": IntrinsicFunction(_array_get_item, 2, 2),
    "States.ArrayLength": IntrinsicFunction(_array_length, 1, 1, 20),
    "States.ArrayPartition": IntrinsicFunction(_array_partition, 2, 2),
    "States.ArrayRange": IntrinsicFunction(_array_range, 3, 3, 12 * INTRINSIC_RANGE_ITEMS_MAX + 2),
    "States.ArrayUnique": IntrinsicFunction(_array_unique, 1, 1),
    "States.Base64Decode": IntrinsicFunction(_base64_decode, 1, 1),
    "States.Base64Encode": IntrinsicFunction(_base64_encode, 1, 1),
    "States.Format": IntrinsicFunction(_format, 1, None),
    "States.Hash": IntrinsicFunction(_hash, 2, 2, 130),
    "States.JsonMerge": IntrinsicFunction(_json_merge, 3, 3),
    "States.JsonToString": IntrinsicFunction(_json_to_string, 1, 1),
    "States.MathAdd": IntrinsicFunction(_math_add, 2, 2, 11),
    "States.MathRandom": IntrinsicFunction(_math_random, 2, 3, 11),
    "States.StringSplit": IntrinsicFunction(_string_split, 2, 2),
    "States.StringToJson": IntrinsicFunction(_string_to_json, 1, 1),
    "States.UUID": IntrinsicFunction(_uuid, 0, 0, 38),
}
