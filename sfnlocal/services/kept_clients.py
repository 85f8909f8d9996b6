"""boto3's clients for handlers: a new sandbox is given those that the last one has left behind.

Making a client takes longer than most handlers, and each cold start makes some. One goes from a
sandbox that has ended to the next that asks for the same in the same environment, if its service is
answered here and nobody has changed it: then it holds nothing that a new one would not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

import boto3
from botocore.config import Config
from botocore.model import ServiceModel

from sfnlocal.services.handler_process import Sandbox, current_call

# Of one kind. A handler that makes one in each call gets new ones.
_KEPT_MAX = 8

_Asked: TypeAlias = Hashable


class KeptClients(boto3.Session):
    """The session of everybody who has none. `is_routed` tells whose calls are answered here."""

    def __init__(self, is_routed: Callable[[ServiceModel], bool], **given: Any) -> None:
        super().__init__(**given)
        self._is_routed = is_routed
        self._kept: dict[_Asked, list[_Kept]] = {}

    def new_client(self, service: str, config: Config) -> Any:
        """One that no handler gets."""
        make: Callable[..., Any] = super().client
        return make(service, config=config)

    def client(self, *args: Any, **kwargs: Any) -> Any:
        call = current_call()
        try:
            asked = _comparable([args, kwargs, {**os.environ}])
        except TypeError:
            call = None
        if call is None or call.sandbox is None:
            return super().client(*args, **kwargs)
        kept = [one for one in self._kept.get(asked, ()) if not one.is_lost]
        self._kept[asked] = kept
        for one in kept:
            if one.owner.ended:
                one.owner = call.sandbox
                return one.client
        client: Any = super().client(*args, **kwargs)
        if len(kept) < _KEPT_MAX and self._is_routed(client.meta.service_model):
            kept.append(_Kept(client, call.sandbox))
        return client


def _comparable(value: object) -> Hashable:
    """Raises TypeError for what is not made of plain values."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return tuple((name, _comparable(value[name])) for name in sorted(value))
        case list() | tuple():
            return tuple(map(_comparable, value))
        case Config():
            return _comparable(vars(value))
    raise TypeError


@dataclass
class _Kept:
    client: Any
    owner: Sandbox

    def __post_init__(self) -> None:
        # A client makes them when they are first asked for.
        _ = self.client.exceptions
        self._made_of = self._parts()
        self._lookups = self._emitter._lookup_cache

    @property
    def is_lost(self) -> bool:
        """Its sandbox has ended, and has changed it: hooks, attributes or methods."""
        if not self.owner.ended:
            return False
        # Whoever adds or removes a hook makes the emitter forget what it has looked up.
        return self._emitter._lookup_cache is not self._lookups or self._parts() != self._made_of

    @property
    def _emitter(self) -> Any:
        return self.client.meta.events._emitter

    def _parts(self) -> list[dict[str, Any]]:
        return [dict(vars(one)) for one in (self.client, self.client.meta, type(self.client))]
