"""Redrive policies: where messages go that were received too often, and who may send them there.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sfnlocal.ports import Json
from sfnlocal.services.sqs.errors import invalid_value

_RECEIVE_COUNT_DEFAULT = 10
_RECEIVE_COUNT_MAX = 1_000
_SOURCES_MAX = 10
_PERMISSIONS = ("allowAll", "denyAll", "byQueue")


@dataclass(frozen=True, slots=True)
class RedrivePolicy:
    """A message that was received `receive_count_max` times is not received again: it goes to the
    dead-letter queue."""

    dead_letter_arn: str
    receive_count_max: int


@dataclass(frozen=True, slots=True)
class RedriveAllowPolicy:
    permission: str = "allowAll"
    source_arns: frozenset[str] = frozenset()

    def allows(self, source_arn: str) -> bool:
        if self.permission == "byQueue":
            return source_arn in self.source_arns
        return self.permission == "allowAll"


def redrive_policy(text: str) -> RedrivePolicy:
    """From the attribute's JSON text. Raises ApiError."""
    given = _parsed("RedrivePolicy", text)
    target = given.get("deadLetterTargetArn")
    if not isinstance(target, str) or not target:
        raise invalid_value(
            "RedrivePolicy",
            text,
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        )
    count = given.get("maxReceiveCount", _RECEIVE_COUNT_DEFAULT)
    number = int(count) if str(count).isdecimal() else 0
    if not 1 <= number <= _RECEIVE_COUNT_MAX:
        raise invalid_value(
            "RedrivePolicy",
            text,
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to "
            f"{_RECEIVE_COUNT_MAX} both inclusive.",
        )
    return RedrivePolicy(target, number)


def redrive_allow_policy(text: str) -> RedriveAllowPolicy:
    """From the attribute's JSON text. Raises ApiError."""
    given = _parsed("RedriveAllowPolicy", text)
    permission = given.get("redrivePermission", "allowAll")
    if permission not in _PERMISSIONS:
        raise invalid_value(
            "RedriveAllowPolicy", text, f"redrivePermission must be one of {list(_PERMISSIONS)}."
        )
    sources = given.get("sourceQueueArns", [])
    by_queue = permission == "byQueue"
    if not isinstance(sources, list) or bool(sources) != by_queue or len(sources) > _SOURCES_MAX:
        raise invalid_value(
            "RedriveAllowPolicy",
            text,
            f"sourceQueueArns has 1 to {_SOURCES_MAX} ARNs where redrivePermission is byQueue, "
            "and is not there where it is not.",
        )
    return RedriveAllowPolicy(permission, frozenset(sources))


def _parsed(name: str, text: str) -> dict[str, Json]:
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise invalid_value(name, text, "It is not a valid JSON map.")
    return given
