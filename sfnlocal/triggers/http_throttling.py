"""Token buckets in virtual time: a request takes a token, or is answered 429.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
"""

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """`rate` tokens come back each second, up to `burst`."""

    burst: int
    rate: float


class TokenBucket:
    """Full at first."""

    def __init__(self, limit: Limit, now_ms: int) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._at_ms = now_ms

    def take(self, now_ms: int) -> bool:
        gained = max(0, now_ms - self._at_ms) * self._limit.rate / 1000
        self._tokens = min(float(self._limit.burst), self._tokens + gained)
        self._at_ms = max(self._at_ms, now_ms)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
