"""What the cache remembers, for how long, and what it does when the registry does not answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdas.registry.logic.discovery_cache import DiscoveryCache, at_once
from lambdas.registry.payloads import Instance

FRESH, NEGATIVE, STALE = 5, 2, 60


class DownError(Exception):
    pass


class Registry:
    """Knows services, counts who asks, and has a clock."""

    def __init__(self) -> None:
        self.services: dict[str, list[Instance]] = {}
        self.asked: list[str] = []
        self.now_s = 1_000.0
        self.down = False
        self.soon: list[Callable[[], None]] = []

    def fetch(self, service: str) -> list[Instance]:
        self.asked.append(service)
        if self.down:
            raise DownError
        return self.services.get(service, [])

    def offer(self, service: str, *names: str, lives_s: float = 10_000) -> None:
        expires = int(self.now_s + lives_s)
        self.services[service] = [
            Instance(instance=name, metadata={}, expiresAt=expires) for name in names
        ]

    def cache(self, *, in_background: bool = False, services_max: int = 1000) -> DiscoveryCache:
        return DiscoveryCache(
            self.fetch,
            now_s=lambda: self.now_s,
            failures=(DownError,),
            refresh=self.soon.append if in_background else at_once,
            fresh_s=FRESH,
            negative_s=NEGATIVE,
            stale_s=STALE,
            services_max=services_max,
        )


@pytest.fixture
def registry() -> Registry:
    found = Registry()
    found.offer("payments", "a")
    return found


def names(cache: DiscoveryCache, service: str = "payments") -> list[str]:
    return [one["instance"] for one in cache.instances(service)]


def test_a_fresh_answer_is_not_asked_for_again(registry: Registry) -> None:
    cache = registry.cache()
    assert names(cache) == ["a"]
    registry.offer("payments", "b")
    registry.now_s += FRESH - 1
    assert names(cache) == ["a"]
    assert registry.asked == ["payments"]


def test_a_stale_answer_is_refreshed(registry: Registry) -> None:
    cache = registry.cache()
    names(cache)
    registry.offer("payments", "b")
    registry.now_s += FRESH
    assert names(cache) == ["b"]


def test_a_stale_answer_is_given_while_it_is_refreshed_once(registry: Registry) -> None:
    cache = registry.cache(in_background=True)
    names(cache)
    registry.offer("payments", "b")
    registry.now_s += FRESH
    assert [names(cache), names(cache)] == [["a"], ["a"]]
    [refresh] = registry.soon
    refresh()
    assert names(cache) == ["b"]
    assert len(registry.asked) == 2


def test_the_stale_answer_is_good_while_the_registry_is_down(registry: Registry) -> None:
    cache = registry.cache()
    names(cache)
    registry.down = True
    registry.now_s += FRESH + STALE - 1
    assert names(cache) == ["a"]
    registry.down = False
    registry.offer("payments", "b")
    assert names(cache) == ["b"], "a refresh that failed is tried again"


def test_an_old_answer_is_worth_nothing(registry: Registry) -> None:
    cache = registry.cache()
    names(cache)
    registry.down = True
    registry.now_s += FRESH + STALE
    with pytest.raises(DownError):
        names(cache)


def test_that_there_is_none_is_remembered_for_a_shorter_time(registry: Registry) -> None:
    cache = registry.cache()
    assert names(cache, "new") == []
    registry.offer("new", "n")
    registry.now_s += NEGATIVE - 1
    assert names(cache, "new") == []
    registry.now_s += 1
    assert names(cache, "new") == ["n"]


def test_an_instance_that_expires_meanwhile_is_not_given(registry: Registry) -> None:
    registry.offer("payments", "a", lives_s=3)
    cache = registry.cache()
    assert names(cache) == ["a"]
    registry.now_s += 3
    assert names(cache) == []


def test_the_service_that_was_asked_for_longest_ago_is_forgotten(registry: Registry) -> None:
    for service in "abc":
        registry.offer(service, service)
    cache = registry.cache(services_max=2)
    for service in ("a", "b", "a", "c", "a"):
        names(cache, service)
    assert registry.asked == ["a", "b", "c"]
    names(cache, "b")
    assert registry.asked == ["a", "b", "c", "b"]
