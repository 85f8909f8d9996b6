"""Handlers of ours among those that botocore gives every client that is made in this process.

botocore asks all handlers of before-send: moto, which adds its own when it is loaded, would answer
once more. While ours stand there, moto's does not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import botocore.handlers

# Event name and handler.
Hook: TypeAlias = tuple[str, Callable[..., Any]]


@contextmanager
def hooked(hooks: Sequence[Hook]) -> Iterator[None]:
    handlers: list[Any] = botocore.handlers.BUILTIN_HANDLERS
    without_moto()
    handlers[:0] = hooks
    try:
        yield
    finally:
        handlers[:] = [one for one in handlers if one not in hooks]
        ours = moto_handler()
        if ours is not None:
            handlers.append(("before-send", ours))


def without_moto() -> None:
    """To be called when moto has been loaded."""
    handlers: list[Any] = botocore.handlers.BUILTIN_HANDLERS
    ours = moto_handler()
    handlers[:] = [one for one in handlers if ours is None or one[1] is not ours]


def moto_handler() -> Any:
    """None where moto is not loaded."""
    models = sys.modules.get("moto.core.models")
    return None if models is None else models.botocore_stubber
