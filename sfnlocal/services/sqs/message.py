"""A message: what was sent, and where it stands in its queue."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from sfnlocal.ports import Json


class State(IntEnum):
    """Where a message stands; GONE is deleted, expired or moved away."""

    VISIBLE = 0
    DELAYED = 1
    IN_FLIGHT = 2
    GONE = 3


@dataclass(slots=True, eq=False)
class Message:
    """`sent_ms` is what SentTimestamp shows, `enqueued_ms` what its retention counts from.
    `attributes` and `system_attributes` are as they were sent. In its queue it has the place
    `serial`; while it is delayed or in flight it becomes visible at `visible_at_ms`. `receipt` is
    the handle of its last receive, which was at `received_ms`."""

    message_id: str
    body: str
    md5: str
    sent_ms: int
    enqueued_ms: int
    sender_id: str
    attributes: Mapping[str, Json] = field(default_factory=dict)
    system_attributes: Mapping[str, Json] = field(default_factory=dict)
    group_id: str = ""
    deduplication_id: str = ""
    sequence_number: str = ""
    dead_letter_source_arn: str = ""
    receive_count: int = 0
    first_received_ms: int = 0
    received_ms: int = 0
    receipt: str = ""
    serial: int = 0
    visible_at_ms: int = 0
    state: State = State.VISIBLE

    def described(self) -> dict[str, str]:
        """Its system attributes, by the names that ReceiveMessage has for them."""
        shown = {
            "SenderId": self.sender_id,
            "ApproximateFirstReceiveTimestamp": str(self.first_received_ms),
            "ApproximateReceiveCount": str(self.receive_count),
            "SentTimestamp": str(self.sent_ms),
        }
        more = {
            "SequenceNumber": self.sequence_number,
            "MessageDeduplicationId": self.deduplication_id,
            "MessageGroupId": self.group_id,
            "DeadLetterQueueSourceArn": self.dead_letter_source_arn,
            **{name: one["StringValue"] for name, one in self.system_attributes.items()},
        }
        return {**shown, **{name: value for name, value in more.items() if value}}


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
