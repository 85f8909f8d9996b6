"""The client: spreads load, leaves alone what has failed, and says why it has nothing to give."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from lambdas.registry.client import AVOIDED_S, NoInstanceError, RegistryClient, RegistryError
from lambdas.registry.logic.discovery_cache import at_once
from lambdas.registry.payloads import FRESH_SECONDS, Discovered, Instance

INSTANCES = [
    Instance(instance=name, address=name, port=80, metadata={}, expiresAt=10_000)
    for name in ("a", "b", "c")
]


class Http:
    """Answers POST /discover."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[dict[str, str]] = []
        self.now_s = 1_000.0

    def ask(self, body: dict[str, str]) -> tuple[int, str]:
        self.asked.append(body)
        found = Discovered(service=body["service"], instances=INSTANCES, freshSeconds=FRESH_SECONDS)
        return self.status, json.dumps(found if self.status == 200 else {"error": "ServiceUnknown"})

    def client(self, seed: int = 0) -> RegistryClient:
        return RegistryClient(self.ask, now_s=lambda: self.now_s, refresh=at_once, seed=seed)


@pytest.fixture
def http() -> Http:
    return Http()


def chosen(client: RegistryClient, times: int) -> list[str]:
    return [client.choose("payments")["instance"] for _ in range(times)]


def test_the_instances_take_turns(http: Http) -> None:
    assert Counter(chosen(http.client(), 9)) == {"a": 3, "b": 3, "c": 3}
    assert http.asked == [{"service": "payments"}]


def test_clients_do_not_all_begin_with_the_same_instance(http: Http) -> None:
    assert {chosen(http.client(seed), 1)[0] for seed in range(20)} == {"a", "b", "c"}


def test_what_has_failed_is_left_alone_for_a_while(http: Http) -> None:
    client = http.client()
    client.failed("payments", INSTANCES[1])
    assert set(chosen(client, 6)) == {"a", "c"}
    http.now_s += AVOIDED_S
    assert set(chosen(client, 6)) == {"a", "b", "c"}


def test_where_all_have_failed_they_are_tried_again(http: Http) -> None:
    client = http.client()
    for instance in INSTANCES:
        client.failed("payments", instance)
    assert set(chosen(client, 6)) == {"a", "b", "c"}


def test_a_service_without_instances_is_told(http: Http) -> None:
    http.status = 404
    with pytest.raises(NoInstanceError, match="the service 'payments' has no living instance"):
        http.client().choose("payments")


def test_a_registry_that_refuses_is_told(http: Http) -> None:
    http.status = 401
    with pytest.raises(RegistryError, match="the registry answers 401"):
        http.client().choose("payments")
