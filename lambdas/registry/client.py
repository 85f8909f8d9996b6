"""The registry's client: where is a service, please?

    client = RegistryClient(ask_over_http("https://...amazonaws.com", token))
    instance = client.choose("payments")

Answers are remembered and refreshed in the background, also that a service is not there; while the
registry does not answer, the last answer is good for a minute. Load is spread: each client begins
somewhere else and takes the instances in turn, but not one that has just failed.
"""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TypeAlias, cast

from lambdas.registry.logic.discovery_cache import DiscoveryCache, Refresh
from lambdas.registry.payloads import FRESH_SECONDS, Discovered, Instance

# POST /discover with this body; the status and the body of the answer.
Ask: TypeAlias = Callable[[dict[str, str]], tuple[int, str]]

TIMEOUT_S = 2
# An instance that failed is left alone for so long, if there is another.
AVOIDED_S = 10


class RegistryError(Exception):
    """The registry did not answer, or refused."""


class NoInstanceError(Exception):
    """The service has no instance whose heartbeat is not overdue."""


def ask_over_http(url: str, token: Callable[[], str]) -> Ask:
    """`token` gives the bearer token of each request."""

    def ask(body: dict[str, str]) -> tuple[int, str]:
        request = urllib.request.Request(
            f"{url.rstrip('/')}/discover",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {token()}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            raise RegistryError(f"{url}: {error}") from error

    return ask


def in_background(refresh: Callable[[], None]) -> None:
    threading.Thread(target=refresh, daemon=True).start()


class RegistryClient:
    """Safe for threads; one for a process."""

    def __init__(
        self,
        ask: Ask,
        *,
        now_s: Callable[[], float] = time.time,
        refresh: Refresh = in_background,
        seed: int | None = None,
    ) -> None:
        self._ask = ask
        self._now_s = now_s
        self._cache = DiscoveryCache(
            self._fetch,
            now_s=now_s,
            failures=(RegistryError,),
            refresh=refresh,
            fresh_s=FRESH_SECONDS,
        )
        # Not for secrets: clients that start together must not all begin with the first instance.
        self._turn = random.Random(seed).randrange(1 << 16)
        self._avoided_until_s: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def choose(self, service: str) -> Instance:
        """The next instance in turn. Raises NoInstanceError, RegistryError."""
        found = self._cache.instances(service)
        if not found:
            raise NoInstanceError(f"the service {service!r} has no living instance")
        with self._lock:
            self._turn += 1
            now_s = self._now_s()
            well = [
                one
                for one in found
                if self._avoided_until_s.get((service, one["instance"]), 0) <= now_s
            ]
            return (well or found)[self._turn % len(well or found)]

    def failed(self, service: str, instance: Instance) -> None:
        """The caller could not reach it: others come first for a while."""
        with self._lock:
            now_s = self._now_s()
            self._avoided_until_s = {
                one: until_s for one, until_s in self._avoided_until_s.items() if until_s > now_s
            }
            self._avoided_until_s[service, instance["instance"]] = now_s + AVOIDED_S

    def _fetch(self, service: str) -> list[Instance]:
        status, body = self._ask({"service": service})
        if status == 404:
            return []
        if status != 200:
            raise RegistryError(f"the registry answers {status}: {body[:200]}")
        return cast(Discovered, json.loads(body))["instances"]
