"""What travels on the bus of the filter chain, and the items that its filters change.

A rule's pattern matches any element of a list, so the next filter stands alone beside the ones
after it. Whoever puts an item on the bus says the way it goes: no rule and no filter knows it.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-arrays.html
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

SOURCE = "filter-chain"
DETAIL_TYPE = "Item to filter"

# The filters by the names that events give them. `done` is where every item's way ends.
FilterName = Literal["normalize", "redact", "classify"]
FILTERS: tuple[FilterName, ...] = ("normalize", "redact", "classify")
DONE = "done"


class Item(TypedDict):
    """A customer's message. `topic` is what classify adds."""

    text: str
    email: NotRequired[str]
    topic: NotRequired[str]


class Hop(TypedDict):
    """The detail of an event: `filters` come after `nextFilter`, `passed` came before."""

    itemId: str
    nextFilter: str
    filters: list[str]
    passed: list[str]
    item: Item
