"""A queue's attributes: their defaults, what SQS checks of them, and what they mean.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sfnlocal.errors import ApiError
from sfnlocal.services.sqs.errors import sqs_error
from sfnlocal.services.sqs.redrive import (
    RedriveAllowPolicy,
    RedrivePolicy,
    redrive_allow_policy,
    redrive_policy,
)

MESSAGE_BYTES_MAX = 1_048_576
VISIBILITY_SECONDS_MAX = 43_200
DELAY_SECONDS_MAX = 900
WAIT_SECONDS_MAX = 20

_RANGES: Mapping[str, tuple[int, int]] = {
    "DelaySeconds": (0, DELAY_SECONDS_MAX),
    "MaximumMessageSize": (1_024, MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, WAIT_SECONDS_MAX),
    "VisibilityTimeout": (0, VISIBILITY_SECONDS_MAX),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "FifoQueue": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "SqsManagedSseEnabled": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_TEXTS = frozenset({"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"})
# What can be set; the others of a queue's attributes can only be read.
SETTABLE = frozenset({*_RANGES, *_CHOICES, *_TEXTS})

_DEFAULTS: Mapping[str, str] = {
    "DelaySeconds": "0",
    "MaximumMessageSize": str(MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
}
_FIFO_DEFAULTS: Mapping[str, str] = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """`values` are the attributes as texts, which the other fields are read from."""

    values: Mapping[str, str]
    fifo: bool
    delay_ms: int
    message_bytes_max: int
    retention_ms: int
    wait_ms: int
    visibility_ms: int
    deduplicates_by_content: bool
    deduplicates_by_group: bool
    redrive: RedrivePolicy | None
    redrive_allow: RedriveAllowPolicy


def new_settings(given: Mapping[str, str]) -> QueueSettings:
    """Of a new queue. Raises ApiError."""
    fifo = given.get("FifoQueue") == "true"
    defaults = {**_DEFAULTS, **_FIFO_DEFAULTS} if fifo else dict(_DEFAULTS)
    if "KmsMasterKeyId" in given:
        defaults["SqsManagedSseEnabled"] = "false"
    return _settings(defaults, given, fifo)


def changed_settings(settings: QueueSettings, given: Mapping[str, str]) -> QueueSettings:
    """Of a queue that there is. Raises ApiError."""
    current = dict(settings.values)
    if given.get("FifoQueue", current.get("FifoQueue", "false")) != current.get(
        "FifoQueue", "false"
    ):
        raise _invalid("FifoQueue")
    # The last kind of encryption that was asked for counts.
    if given.get("KmsMasterKeyId") and "SqsManagedSseEnabled" not in given:
        current["SqsManagedSseEnabled"] = "false"
    if given.get("SqsManagedSseEnabled") == "true" and "KmsMasterKeyId" not in given:
        current.pop("KmsMasterKeyId", None)
    return _settings(current, given, settings.fifo)


def _settings(current: dict[str, str], given: Mapping[str, str], fifo: bool) -> QueueSettings:
    for name, value in given.items():
        _check(name, value, fifo)
    # An empty text takes an attribute away.
    values = {name: value for name, value in {**current, **given}.items() if value != ""}
    if not fifo:
        values.pop("FifoQueue", None)
    if values.get("KmsMasterKeyId"):
        values.setdefault("KmsDataKeyReusePeriodSeconds", "300")
        if values.get("SqsManagedSseEnabled") == "true":
            raise sqs_error(
                "InvalidAttributeValue",
                "You can use one type of server-side encryption (SSE) at one time. You can either "
                "enable KMS SSE or SQS SSE.",
            )
    by_group = values.get("DeduplicationScope") == "messageGroup"
    if values.get("FifoThroughputLimit") == "perMessageGroupId" and not by_group:
        raise _invalid("FifoThroughputLimit")
    redrive, allow = values.get("RedrivePolicy"), values.get("RedriveAllowPolicy")
    return QueueSettings(
        values,
        fifo,
        int(values["DelaySeconds"]) * 1000,
        int(values["MaximumMessageSize"]),
        int(values["MessageRetentionPeriod"]) * 1000,
        int(values["ReceiveMessageWaitTimeSeconds"]) * 1000,
        int(values["VisibilityTimeout"]) * 1000,
        values.get("ContentBasedDeduplication") == "true",
        by_group,
        redrive_policy(redrive) if redrive else None,
        redrive_allow_policy(allow) if allow else RedriveAllowPolicy(),
    )


def _check(name: str, value: str, fifo: bool) -> None:
    if name not in SETTABLE or (
        not fifo and name in _FIFO_DEFAULTS and (name, value) != ("FifoQueue", "false")
    ):
        raise sqs_error("InvalidAttributeName", f"Unknown Attribute {name}.")
    if name in _RANGES:
        low, high = _RANGES[name]
        if not value.isdecimal() or not low <= int(value) <= high:
            raise _invalid(name)
        return
    refused = name in _CHOICES and value not in _CHOICES[name]
    if refused or (name == "Policy" and value and not _is_object(value)):
        raise _invalid(name)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _invalid(name: str) -> ApiError:
    return sqs_error("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
