"""Messages over a pipe: a JSON header and a body, each behind its length in four bytes.

The body travels as it is, since events and responses are JSON text already.
"""

from __future__ import annotations

import json
import struct
from typing import IO, Any, NamedTuple

_LENGTH = struct.Struct(">I")


class Message(NamedTuple):
    header: dict[str, Any]
    body: bytes


def send(stream: IO[bytes], header: dict[str, Any], body: bytes = b"") -> None:
    head = json.dumps(header).encode()
    stream.write(b"".join((_LENGTH.pack(len(head)), head, _LENGTH.pack(len(body)), body)))
    stream.flush()


def receive(stream: IO[bytes]) -> Message | None:
    """None where the other end has closed, or has ended in the middle of a message."""
    head = _part(stream)
    body = None if head is None else _part(stream)
    if head is None or body is None:
        return None
    return Message(json.loads(head), body)


def _part(stream: IO[bytes]) -> bytes | None:
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(length)
    part = stream.read(size)
    return part if len(part) == size else None
