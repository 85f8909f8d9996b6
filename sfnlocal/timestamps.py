"""Epoch milliseconds to AWS's ISO 8601 text; no clock is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at_ms: int) -> str:
    """As the Context object has it: `2026-01-01T00:00:00.123Z`, but `2026-01-01T00:00:00Z`.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html"""
    return iso_time(at_ms).replace(".000Z", "Z")


# Much happens at the same time, and each state's Context object tells it.
@lru_cache(maxsize=256)
def iso_time(at_ms: int) -> str:
    """`2026-01-01T00:00:00.123Z`."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
