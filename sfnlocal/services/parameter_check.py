"""Do parameters fit an operation's input shape? A check that is compiled once for each operation.

botocore's own validator walks the model anew in each call, which takes as long as our services take
to answer. It keeps the last word: what does not fit here is given to it, and its report is the one
that anybody sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sfnlocal.services.service_models import service_model

# True only where botocore's validator has nothing to report.
Fits: TypeAlias = Callable[[Any], bool]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (float, Decimal, int),
    "double": (float, Decimal, int),
    "blob": (bytes, bytearray, str),
    # A text may be a time, too: botocore's validator tries.
    "timestamp": (datetime,),
}


@cache
def parameter_check(service: str, operation: str) -> Fits:
    """By client name."""
    shape = service_model(service).operation_model(operation).input_shape
    return (lambda params: True) if shape is None else _Compiler().check(shape)


class _Compiler:
    def __init__(self) -> None:
        self._by_name: dict[str, Fits] = {}

    def check(self, shape: Shape) -> Fits:
        if _is_special(shape):
            return lambda value: False
        known = self._by_name.get(shape.name)
        if known is None:
            # A shape may hold itself.
            self._by_name[shape.name] = lambda value: self._by_name[shape.name](value)
            known = self._by_name[shape.name] = self._compiled(shape)
        return known

    def _compiled(self, shape: Shape) -> Fits:
        least = shape.metadata.get("min")
        match shape:
            case StructureShape():
                return self._structure(shape)
            case ListShape():
                return _list(self.check(shape.member), least or 0)
            case MapShape():
                return _map(self.check(shape.key), self.check(shape.value))
        if shape.type_name in ("string", "character"):
            return _string(least or 0)
        types = _TYPES[shape.type_name]
        if least is None:
            return lambda value: isinstance(value, types)
        return lambda value: isinstance(value, types) and value >= least

    def _structure(self, shape: StructureShape) -> Fits:
        checks = {name: self.check(member) for name, member in shape.members.items()}
        required = frozenset(shape.required_members)
        is_union = shape.is_tagged_union

        def structure_fits(value: Any) -> bool:
            if not isinstance(value, dict) or (is_union and len(value) != 1):
                return False
            if not required <= value.keys():
                return False
            for name, item in value.items():
                check = checks.get(name)
                if check is None or not check(item):
                    return False
            return True

        return structure_fits


def _is_special(shape: Shape) -> bool:
    """Its rules are not those of its type alone."""
    serialization = shape.serialization
    return bool(
        shape.metadata.get("document")
        or serialization.get("jsonvalue")
        or serialization.get("hostLabel")
    )


def _list(member: Fits, least: int) -> Fits:
    def list_fits(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and len(value) >= least and all(map(member, value))

    return list_fits


def _map(key: Fits, item: Fits) -> Fits:
    def map_fits(value: Any) -> bool:
        return isinstance(value, dict) and all(map(key, value)) and all(map(item, value.values()))

    return map_fits


def _string(least: int) -> Fits:
    if not least:
        return lambda value: isinstance(value, str)
    return lambda value: isinstance(value, str) and len(value) >= least
