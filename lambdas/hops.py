"""The hop count: how often an event has caused another one of its kind, told in its envelope.

Whoever sends an event on because of one that it got counts one more, and stops at a depth: so an
event that causes itself ends after as many messages. An envelope without a count is at its start.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

HOPS = "hops"


class HopsExceededError(Exception):
    """The event has caused itself too often: it goes aside, and not on."""


class HopsInvalidError(Exception):
    """The envelope's count is none."""


def hops_of(attributes: Mapping[str, str | None]) -> int:
    """Of an envelope's attributes, by name."""
    told = attributes.get(HOPS) or "0"
    if not told.isdecimal():
        raise HopsInvalidError(f"{HOPS} must be a whole number that is not negative, not {told!r}")
    return int(told)


def next_hop(hops: int, hops_max: int) -> int:
    """The count of the event that this one causes; HopsExceededError at the configured depth."""
    if hops >= hops_max:
        raise HopsExceededError(f"the event has made {hops} hops, of {hops_max} that it may")
    return hops + 1


def hops_attribute(hops: int) -> dict[str, MessageAttributeValueTypeDef]:
    """The count as an attribute of a message to a queue or a topic."""
    return {HOPS: {"DataType": "Number", "StringValue": str(hops)}}
