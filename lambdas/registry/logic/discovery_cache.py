"""Remembers which instances a service has: for a while, for so many services, and also that it has
none.

An answer is fresh for `fresh_s`. After that, for `stale_s`, it is still given while `refresh` asks
again, at once or in the background; where the registry does not answer, it is all there is. An
older one, and an empty one after `negative_s`, is asked for anew. When there are more than
`services_max` services, the one that was asked for longest ago is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TypeAlias

from lambdas.registry.payloads import Instance

Fetch: TypeAlias = Callable[[str], list[Instance]]
# Runs what it is given, now or soon.
Refresh: TypeAlias = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class _Entry:
    instances: list[Instance]
    fetched_s: float
    refreshing: bool = False


def at_once(refresh: Callable[[], None]) -> None:
    """The caller waits for the new answer."""
    refresh()


class DiscoveryCache:
    """Safe for threads. `fetch` gives a service's instances or raises one of `failures`; `now_s` is
    a clock in seconds."""

    def __init__(
        self,
        fetch: Fetch,
        *,
        now_s: Callable[[], float],
        failures: tuple[type[Exception], ...],
        refresh: Refresh = at_once,
        fresh_s: float = 5,
        negative_s: float = 2,
        stale_s: float = 60,
        services_max: int = 1000,
    ) -> None:
        self._fetch = fetch
        self._now_s = now_s
        self._failures = failures
        self._refresh = refresh
        self._fresh_s = fresh_s
        self._negative_s = negative_s
        self._stale_s = stale_s
        self._services_max = services_max
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = Lock()

    def instances(self, service: str) -> list[Instance]:
        """Those whose heartbeat is not overdue. Raises what `fetch` raises, where nothing that is
        recent enough is known."""
        entry = self._known(service)
        if entry is None:
            entry = self._ask(service)
        elif self._claim_refresh(entry):
            self._refresh(partial(self._ask_again, service, entry))
            entry = self._known(service) or entry
        return [one for one in entry.instances if one["expiresAt"] > self._now_s()]

    def _known(self, service: str) -> _Entry | None:
        """Fresh or stale."""
        with self._lock:
            entry = self._entries.get(service)
            if entry is None:
                return None
            good_s = self._fresh_s + self._stale_s if entry.instances else self._negative_s
            if self._now_s() >= entry.fetched_s + good_s:
                return None
            self._entries.move_to_end(service)
            return entry

    def _claim_refresh(self, entry: _Entry) -> bool:
        """Whether it is time to ask again, and nobody does yet."""
        with self._lock:
            if entry.refreshing or self._now_s() < entry.fetched_s + self._fresh_s:
                return False
            entry.refreshing = True
            return True

    def _ask_again(self, service: str, entry: _Entry) -> None:
        try:
            self._ask(service)
        except self._failures:
            entry.refreshing = False

    def _ask(self, service: str) -> _Entry:
        fetched_s = self._now_s()
        entry = _Entry(self._fetch(service), fetched_s)
        with self._lock:
            self._entries[service] = entry
            self._entries.move_to_end(service)
            if len(self._entries) > self._services_max:
                self._entries.popitem(last=False)
        return entry
