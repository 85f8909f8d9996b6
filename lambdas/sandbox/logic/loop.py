"""Where the loop's message goes next, and with how many hops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.hops import HopsExceededError, hops_of, next_hop


@dataclass(frozen=True, slots=True)
class Next:
    """Round again, or aside."""

    aside: bool
    hops: int


def next_message(attributes: Mapping[str, str | None], hops_max: int) -> Next:
    hops = hops_of(attributes)
    try:
        return Next(aside=False, hops=next_hop(hops, hops_max))
    except HopsExceededError:
        return Next(aside=True, hops=hops)
