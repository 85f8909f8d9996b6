"""One hop of an item: checked, filtered, and with its next filter popped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import fastjsonschema

from lambdas.filters.errors import HopInvalid
from lambdas.filters.payloads import DONE, Hop, Item

_check_schema = fastjsonschema.compile(
    json.loads((Path(__file__).parents[1] / "hop.schema.json").read_text("utf-8"))
)


def parse_hop(text: str) -> Hop:
    """HopInvalid names the field."""
    try:
        return cast(Hop, _check_schema(json.loads(text), name_prefix="hop"))
    except ValueError as error:
        raise HopInvalid(str(error)) from error


def filtered(hop: Hop, apply: Callable[[Item], Item]) -> Hop:
    """What goes back onto the bus; the way that is left ends at `done`."""
    next_filter, *rest = [*hop["filters"], DONE]
    return Hop(
        itemId=hop["itemId"],
        nextFilter=next_filter,
        filters=[name for name in rest if name != DONE],
        passed=[*hop["passed"], hop["nextFilter"]],
        item=apply(hop["item"]),
    )
