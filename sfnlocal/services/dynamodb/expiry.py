"""Time to live: which items of a table have expired, and when they go.

AWS deletes them within a few days; until then they are there like any other. Here they go two days
after their time, always: whoever takes an item that is still there for one that is still valid sees
it, and a test that lets two days pass sees it gone.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from decimal import Decimal
from itertools import count

from sfnlocal.services.dynamodb.keys import KeySchema
from sfnlocal.services.dynamodb.values import Item

DELETED_AFTER_S = 2 * 24 * 60 * 60
# What expired longer ago than this is taken for a mistake, and stays.
_EXPIRED_S_MAX = 5 * 365 * 24 * 60 * 60


class Expiry:
    def __init__(self, attribute: str, keys: KeySchema) -> None:
        self.attribute = attribute
        self._keys = keys
        self._order = count()
        self._queue: list[tuple[Decimal, int, Item]] = []

    def look_at(self, item: Item) -> None:
        """An item was written."""
        expires_s = self._expires_s(item)
        if expires_s is not None:
            entry = (expires_s, next(self._order), self._keys.key_of(item))
            heapq.heappush(self._queue, entry)

    def due(self, now_ms: int) -> Iterator[Item]:
        """The keys of items that may have to go. Each is given once."""
        while self._queue and self._queue[0][0] + DELETED_AFTER_S <= now_ms // 1000:
            yield heapq.heappop(self._queue)[2]

    def is_due(self, item: Item, now_ms: int) -> bool:
        """Whether that is still so: it may have been written again."""
        expires_s = self._expires_s(item)
        if expires_s is None:
            return False
        age_s = now_ms // 1000 - expires_s
        return DELETED_AFTER_S <= age_s <= _EXPIRED_S_MAX

    def _expires_s(self, item: Item) -> Decimal | None:
        text = item.get(self.attribute, {}).get("N")
        return None if text is None else Decimal(text)
