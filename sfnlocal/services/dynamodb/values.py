"""Attribute values: read from requests, measured and compared.

Strategy: a value stays as the API writes it ({"S": "x"}, {"N": "1"}), checked and in normal form
once, when it comes in: from then on it is never changed in place. Numbers become Decimals where
they are compared or counted with.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.dynamodb.errors import invalid, invalid_values

Value: TypeAlias = dict[str, Json]
Item: TypeAlias = dict[str, Value]

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
ITEM_BYTES_MAX = 400 * 1024
DIGITS_MAX = 38
EXPONENT_MAX, EXPONENT_MIN = 125, -130
DEPTH_MAX = 32

TYPES = ("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M")
# A hundred digits more than may be stored: sums are exact, and refused where they are too long.
_EXACT = Context(prec=300)


def item_from(given: Mapping[str, Json]) -> Item:
    """An item as a request has it, checked. Raises ApiError."""
    return {name: value_from(value) for name, value in given.items()}


def value_from(given: Json, depth: int = 1) -> Value:
    if not isinstance(given, Mapping) or not given:
        raise invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    if len(given) > 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes"
        )
    ((kind, content),) = given.items()
    if kind == "S" and isinstance(content, str):
        return {"S": content}
    read = _READERS.get(kind)
    if read is None:
        raise invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    return {kind: read(content, depth)}


def _text(content: Json, depth: int) -> str:
    if not isinstance(content, str):
        raise ApiError("SerializationException", f"{content!r} cannot be converted to String")
    return content


def _number(content: Json, depth: int) -> str:
    return number_text(_text(content, depth))


@lru_cache(maxsize=4096)
def number_text(text: str) -> str:
    """A number in the form in which it is stored. Raises ApiError."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or text != text.strip() or "_" in text:
        shown = text or ""
        raise invalid(f"The parameter cannot be converted to a numeric value: {shown}")
    return text_of_number(number)


def text_of_number(number: Decimal) -> str:
    """Raises ApiError for what does not fit."""
    if not number:
        return "0"
    number = number.normalize(_EXACT)
    magnitude = number.adjusted()
    if magnitude > EXPONENT_MAX:
        raise invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported "
            "range"
        )
    if magnitude < EXPONENT_MIN:
        raise invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than supported "
            "range"
        )
    if len(number.as_tuple().digits) > DIGITS_MAX:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    return f"{number:f}"


def plus(left: Value, right: Value) -> Value:
    return {"N": text_of_number(_EXACT.add(Decimal(left["N"]), Decimal(right["N"])))}


def minus(left: Value, right: Value) -> Value:
    return {"N": text_of_number(_EXACT.subtract(Decimal(left["N"]), Decimal(right["N"])))}


def _binary(content: Json, depth: int) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return bytes(content.read() if hasattr(content, "read") else content)


def _boolean(content: Json, depth: int) -> bool:
    return bool(content)


def _null(content: Json, depth: int) -> bool:
    if content is not True:
        raise invalid_values("Null attribute value types must have the value of true")
    return True


def _set(read: Callable[[Json, int], Json], empty: str) -> Callable[[Json, int], list[Json]]:
    def set_from(content: Json, depth: int) -> list[Json]:
        if not content:
            raise invalid_values(empty)
        members = [read(member, depth) for member in content]
        if len(set(members)) < len(members):
            shown = ", ".join(str(member) for member in members)
            raise invalid_values(f"Input collection [{shown}] contains duplicates.")
        return members

    return set_from


def _deeper(depth: int) -> int:
    if depth >= DEPTH_MAX:
        raise invalid("Nesting Levels have exceeded supported limits")
    return depth + 1


def _list(content: Json, depth: int) -> list[Value]:
    deeper = _deeper(depth)
    return [value_from(element, deeper) for element in content]


def _map(content: Json, depth: int) -> Item:
    deeper = _deeper(depth)
    return {name: value_from(value, deeper) for name, value in content.items()}


_READERS: Mapping[str, Callable[[Json, int], Json]] = {
    "S": _text,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "L": _list,
    "M": _map,
    # The two spaces are DynamoDB's.
    "SS": _set(_text, "An string set  may not be empty"),
    "NS": _set(_number, "An number set  may not be empty"),
    "BS": _set(_binary, "Binary sets should not be empty"),
}


def type_of(value: Value) -> str:
    (kind,) = value
    return kind


def copied(value: Value) -> Value:
    """What may be changed, or given to somebody who may."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {"M": {name: copied(member) for name, member in content.items()}}
    if kind == "L":
        return {"L": [copied(element) for element in content]}
    return {kind: list(content)} if isinstance(content, list) else {kind: content}


def copied_item(item: Item) -> Item:
    return {name: copied(value) for name, value in item.items()}


# Sizes
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html


def item_bytes(item: Item) -> int:
    return sum(text_bytes(name) + value_bytes(value) for name, value in item.items())


def text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def value_bytes(value: Value) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return text_bytes(content)
        case "N":
            return _number_bytes(content)
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(map(text_bytes, content))
        case "NS":
            return sum(map(_number_bytes, content))
        case "BS":
            return sum(map(len, content))
        case "L":
            return 3 + sum(1 + value_bytes(element) for element in content)
    return 3 + sum(1 + text_bytes(name) + value_bytes(one) for name, one in content.items())


def _number_bytes(text: str) -> int:
    """About a byte for two significant digits and one more, another one where it is negative."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def size_of(value: Value) -> int | None:
    """What the function `size` gives; None for types without one."""
    ((kind, content),) = value.items()
    if kind == "S":
        return text_bytes(content)
    return len(content) if kind in ("B", "SS", "NS", "BS", "L", "M") else None


# Comparing


def equal(left: Value, right: Value) -> bool:
    if left == right:
        return True
    kind = type_of(left)
    if kind != type_of(right):
        return False
    one, other = left[kind], right[kind]
    match kind:
        case "SS" | "NS" | "BS":
            return set(one) == set(other)
        case "L":
            return len(one) == len(other) and all(map(equal, one, other))
        case "M":
            return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return False


def ordered(value: Value) -> str | bytes | Decimal:
    """What values of this type are sorted by. Texts sort by code points, as their UTF-8 does."""
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content


def is_ordered(kind: str) -> bool:
    return kind in ("S", "N", "B")


def contains(whole: Value, part: Value) -> bool:
    """What the function `contains` gives."""
    ((kind, content),) = whole.items()
    if kind == "L":
        return any(equal(element, part) for element in content)
    wanted = type_of(part)
    if kind in ("S", "B"):
        return kind == wanted and part[kind] in content
    return kind == f"{wanted}S" and part[wanted] in content


def shown(value: Value) -> str:
    """As DynamoDB's messages show it."""
    ((kind, content),) = value.items()
    return f"{{{kind}:{content}}}"


def names_shown(names: Iterable[str]) -> str:
    return f"{{{', '.join(names)}}}"
