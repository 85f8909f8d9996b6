"""What was started without anybody calling it: when, by what, why, and what came of it.

Schedules, rules, mappings, pipes, subscriptions, alarms and HTTP routes write here; `sfnlocal
timeline` and a failing test show it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# A server that runs for weeks keeps the last ones.
_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Triggered:
    """`source_arn` is the schedule, rule, ...; `why` what made it act; `started` the ARN of the
    execution or the id that the target answered, `error` why it did not ("" where it did)."""

    at_ms: int
    source_arn: str
    why: str
    target_arn: str
    started: str = ""
    error: str = ""


class Timeline:
    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._entries: deque[Triggered] = deque(maxlen=_KEPT)

    def add(
        self, source_arn: str, why: str, target_arn: str, started: str = "", error: str = ""
    ) -> None:
        self._entries.append(Triggered(self._now_ms(), source_arn, why, target_arn, started, error))

    def __iter__(self) -> Iterator[Triggered]:
        """In the order in which it happened."""
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
