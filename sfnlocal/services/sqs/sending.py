"""SendMessage and SendMessageBatch.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sfnlocal.ports import Json
from sfnlocal.services.sqs.attributes import DELAY_SECONDS_MAX, MESSAGE_BYTES_MAX
from sfnlocal.services.sqs.batches import Entry, answer_entries, check_entries
from sfnlocal.services.sqs.errors import invalid_value, missing_parameter, sqs_error
from sfnlocal.services.sqs.fifo import FifoQueue
from sfnlocal.services.sqs.message import Message, md5
from sfnlocal.services.sqs.message_attributes import (
    attributes_md5,
    check_attributes,
    check_system_attributes,
    size,
)
from sfnlocal.services.sqs.queue import Queue
from sfnlocal.services.sqs.registry import QueueRegistry

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws
    from sfnlocal.services.sqs.counts import Counts

Params = dict[str, Json]

# What no message may contain: https://www.w3.org/TR/REC-xml/#charsets
_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TOKEN = re.compile(r"[\x21-\x7e]{1,128}")
_NOT_OF_THIS_TYPE = "The request include parameter that is not valid for this queue type."
# Who everybody is here: a user's id.
SENDER_ID = "AIDASFNLOCALSFNLOCAL1"


class SendOperations:
    def __init__(self, aws: Aws, registry: QueueRegistry, counts: Counts) -> None:
        self._aws = aws
        self._registry = registry
        self._counts = counts
        self.operations: Mapping[str, Callable[[Params], dict[str, Json]]] = {
            "SendMessage": self._send_message,
            "SendMessageBatch": self._send_message_batch,
        }

    def _send_message(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        answer = self._send(queue, params)
        self._registry.look_at(queue)
        return answer

    def _send_message_batch(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        entries: list[Entry] = params.get("Entries", [])
        check_entries(entries, "SendMessageBatchRequestEntry")
        total = sum(_bytes(entry) for entry in entries)
        if total > MESSAGE_BYTES_MAX:
            raise sqs_error(
                "BatchRequestTooLong",
                f"Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent "
                f"{total} bytes.",
            )
        answer = answer_entries(entries, lambda entry: self._send(queue, entry))
        self._registry.look_at(queue)
        return answer

    def _send(self, queue: Queue, params: Params) -> dict[str, Json]:
        body = params.get("MessageBody")
        if not body:
            raise missing_parameter("MessageBody")
        if _INVALID.search(body) is not None:
            raise sqs_error(
                "InvalidMessageContents",
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
                "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
            )
        attributes: Mapping[str, Json] = params.get("MessageAttributes") or {}
        system: Mapping[str, Json] = params.get("MessageSystemAttributes") or {}
        if attributes:
            check_attributes(attributes)
        if system:
            check_system_attributes(system)
        data = body.encode()
        length = len(data) + (size(attributes) if attributes else 0)
        if length > queue.settings.message_bytes_max:
            raise sqs_error(
                "InvalidParameterValue",
                "One or more parameters are invalid. Reason: Message must be shorter than "
                f"{queue.settings.message_bytes_max} bytes.",
            )
        now_ms = self._aws.now_ms
        message = Message(
            self._registry.new_id(),
            body,
            md5(data),
            now_ms,
            now_ms,
            SENDER_ID,
            attributes,
            system,
            params.get("MessageGroupId") or "",
            params.get("MessageDeduplicationId") or "",
        )
        delay_ms = _delay_ms(queue, params)
        answer: dict[str, Json] = {"MD5OfMessageBody": message.md5}
        if attributes:
            answer["MD5OfMessageAttributes"] = attributes_md5(attributes)
        if system:
            answer["MD5OfMessageSystemAttributes"] = attributes_md5(system)
        if isinstance(queue, FifoQueue):
            _check_fifo(queue, message, data)
            earlier = queue.earlier(message, now_ms)
            if earlier is None:
                queue.add(message, now_ms, delay_ms)
            else:
                message = earlier
            answer["SequenceNumber"] = message.sequence_number
        else:
            _check_standard(message)
            queue.add(message, now_ms, delay_ms)
        if delay_ms:
            self._registry.hidden(queue)
        answer["MessageId"] = message.message_id
        self._counts.sent(queue, length)
        return answer


def _bytes(entry: Entry) -> int:
    return len((entry.get("MessageBody") or "").encode(errors="replace")) + size(
        {
            name: one
            for name, one in (entry.get("MessageAttributes") or {}).items()
            if one.get("DataType") and (one.get("StringValue") or one.get("BinaryValue"))
        }
    )


def _delay_ms(queue: Queue, params: Params) -> int:
    seconds = params.get("DelaySeconds")
    if seconds is None:
        return queue.settings.delay_ms
    if not 0 <= seconds <= DELAY_SECONDS_MAX:
        raise invalid_value(
            "DelaySeconds", seconds, f"DelaySeconds must be >= 0 and <= {DELAY_SECONDS_MAX}."
        )
    if queue.settings.fifo:
        if seconds:
            raise invalid_value("DelaySeconds", seconds, _NOT_OF_THIS_TYPE)
        return queue.settings.delay_ms
    return int(seconds) * 1000


def _check_standard(message: Message) -> None:
    """A message group is for fair queues; a deduplication id is for FIFO queues."""
    if message.deduplication_id:
        raise invalid_value("MessageDeduplicationId", message.deduplication_id, _NOT_OF_THIS_TYPE)
    if message.group_id:
        _check_token("MessageGroupId", message.group_id)


def _check_fifo(queue: FifoQueue, message: Message, data: bytes) -> None:
    if not message.group_id:
        raise missing_parameter("MessageGroupId")
    _check_token("MessageGroupId", message.group_id)
    if message.deduplication_id:
        _check_token("MessageDeduplicationId", message.deduplication_id)
    elif queue.settings.deduplicates_by_content:
        message.deduplication_id = hashlib.sha256(data).hexdigest()
    else:
        raise sqs_error(
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly",
        )


def _check_token(name: str, value: str) -> None:
    if _TOKEN.fullmatch(value) is None:
        raise invalid_value(
            name,
            value,
            f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )
