"""What the registry knows of services and their instances.

The table has one item for each service, under the sort key SERVICE, which says who owns the name,
and one for each instance. Its times are seconds since 1970, as DynamoDB's time to live wants them.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

SERVICE = "#service"
# The owner of what the app registers itself; no caller's subject has a slash in front.
APP = "/app"

REGISTER = "POST /register"
REMOVE = "DELETE /register"
HEARTBEAT = "POST /heartbeat"
DISCOVER = "POST /discover"

HEARTBEAT_SECONDS = 30
# An instance that missed two heartbeats may be late; after the third it is not discovered.
HEARTBEATS_MISSED_MAX = 3
# A late heartbeat brings an instance back for so long; then the sweep removes it.
REMOVED_AFTER_SECONDS = 600
# DynamoDB's own removal, some days late, stands behind the sweep.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
TTL_AFTER_SECONDS = 24 * 3600
# How long a caller of discovery may use an answer.
FRESH_SECONDS = 5


class Instance(TypedDict):
    """`instance` is unique in its service: the function's name, or `address:port`."""

    instance: str
    function: NotRequired[str]
    address: NotRequired[str]
    port: NotRequired[int]
    metadata: dict[str, str]
    expiresAt: int


class Registration(TypedDict):
    """The body of POST /register, checked against registration.schema.json."""

    service: str
    function: NotRequired[str]
    address: NotRequired[str]
    port: NotRequired[int]
    metadata: NotRequired[dict[str, str]]
    heartbeatSeconds: NotRequired[int]


class Discovered(TypedDict):
    """The answer of POST /discover: the instances whose heartbeat is not overdue, and how long the
    answer may be used."""

    service: str
    instances: list[Instance]
    freshSeconds: int


def instance_of(registration: Registration) -> str:
    if "function" in registration:
        return registration["function"]
    return f"{registration['address']}:{registration['port']}"
