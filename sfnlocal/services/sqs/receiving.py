"""ReceiveMessage, and what a receiver does with what it got: DeleteMessage and
ChangeMessageVisibility.

A receiver that waits (long polling) gets a Future. Inside a handler nothing else happens while it
waits: its own clock moves to the next message of the queue, or by the whole wait.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfnlocal.ports import Json
from sfnlocal.services.handler_process import current_call, sleep_virtually
from sfnlocal.services.sqs.attributes import VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX
from sfnlocal.services.sqs.batches import Entry, answer_entries, check_entries
from sfnlocal.services.sqs.counts import Counts
from sfnlocal.services.sqs.errors import invalid_value, missing_parameter, sqs_error
from sfnlocal.services.sqs.long_polls import LongPoll
from sfnlocal.services.sqs.message import Message, State
from sfnlocal.services.sqs.message_attributes import attributes_md5, selected
from sfnlocal.services.sqs.queue import Queue
from sfnlocal.services.sqs.registry import QueueRegistry

if TYPE_CHECKING:
    from sfnlocal.services.aws import Answer, Aws

Params = dict[str, Json]

_MESSAGES_MAX = 10
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
IN_FLIGHT_MAX = 120_000
_SYSTEM_ATTRIBUTES = frozenset(
    {
        "All",
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "SequenceNumber",
        "MessageDeduplicationId",
        "MessageGroupId",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
    }
)


@dataclass(frozen=True, slots=True)
class _Request:
    """A ReceiveMessage, checked."""

    count: int
    hide_ms: int
    wait_ms: int
    system_names: frozenset[str]
    attribute_names: list[str]
    attempt_id: str


class ReceiveOperations:
    def __init__(self, aws: Aws, registry: QueueRegistry, counts: Counts) -> None:
        self._aws = aws
        self._registry = registry
        self._counts = counts
        self._receives = 0
        self.operations: Mapping[str, Callable[[Params], Answer]] = {
            "ReceiveMessage": self._receive_message,
            "DeleteMessage": self._delete_message,
            "DeleteMessageBatch": self._delete_message_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
        }

    # Receiving

    def _receive_message(self, params: Params) -> Answer:
        queue = self._registry.find(params.get("QueueUrl"))
        request = _checked(params, queue)
        answer = self._receive(queue, request)
        if answer or not request.wait_ms:
            return answer
        if current_call() is not None and not self._aws.real_time:
            return self._receive_asleep(queue, request)
        return self._receive_later(queue, request) if self._aws.can_wait else answer

    def _receive(self, queue: Queue, request: _Request) -> dict[str, Json]:
        now_ms = self._aws.now_ms
        messages = queue.repeated(request.attempt_id, now_ms, request.hide_ms)
        if messages is None:
            messages = self._received_now(queue, request, now_ms)
        self._registry.look_at(queue)
        self._counts.received(queue, len(messages))
        if not messages:
            return {}
        self._registry.hidden(queue)
        return {"Messages": [_shown(message, request) for message in messages]}

    def _received_now(self, queue: Queue, request: _Request, now_ms: int) -> list[Message]:
        if not queue.settings.fifo and queue.in_flight >= IN_FLIGHT_MAX:
            queue.settle(now_ms)
            if queue.in_flight >= IN_FLIGHT_MAX:
                raise sqs_error("OverLimit", f"Too many messages in flight for queue {queue.name}.")
        redrive, dead_letters = queue.settings.redrive, None
        if redrive is not None:
            dead_letters = self._registry.by_arn(redrive.dead_letter_arn)
        receive_count_max = None
        if redrive is not None and dead_letters is not None:
            receive_count_max = redrive.receive_count_max
        received = queue.receive(now_ms, request.count, request.hide_ms, receive_count_max)
        for message in received.messages:
            self._receives += 1
            unique = self._registry.rng.getrandbits(160)
            queue.give_receipt(message, f"{queue.handle_prefix}{self._receives:012x}{unique:040x}")
        if request.attempt_id and received.messages:
            queue.remember(request.attempt_id, received.messages, now_ms)
        if received.dead and dead_letters is not None:
            for message in received.dead:
                _bury(message, queue, dead_letters, now_ms)
            self._registry.look_at(dead_letters)
        return received.messages

    def _receive_asleep(self, queue: Queue, request: _Request) -> dict[str, Json]:
        until_ms = self._aws.now_ms + request.wait_ms
        while True:
            now_ms, next_ms = self._aws.now_ms, queue.next_visible_ms()
            if next_ms is None or next_ms > until_ms:
                sleep_virtually((until_ms - now_ms) / 1000)
                return {}
            sleep_virtually((next_ms - now_ms) / 1000)
            answer = self._receive(queue, request)
            if answer:
                return answer

    def _receive_later(self, queue: Queue, request: _Request) -> LongPoll:
        later = LongPoll(self._aws, self._registry, queue, request.wait_ms)

        def poll(queue: Queue) -> bool:
            if later.done():
                return True
            answer = self._receive(queue, request)
            return bool(answer) and later.answer(answer)

        self._registry.poll(queue, poll)
        later.add_done_callback(lambda _: self._registry.stop_polling(queue, poll))
        return later

    # What became of them

    def _delete_message(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        self._delete(queue, params)
        self._registry.look_at(queue)
        return {}

    def _delete_message_batch(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        entries: list[Entry] = params.get("Entries", [])
        check_entries(entries, "DeleteMessageBatchRequestEntry")
        answer = answer_entries(entries, lambda entry: self._delete(queue, entry))
        self._registry.look_at(queue)
        return answer

    def _delete(self, queue: Queue, params: Params) -> Entry:
        receipt = _receipt(queue, params)
        queue.settle(self._aws.now_ms)
        message = queue.find(receipt)
        if message is not None:
            if queue.settings.fifo and message.state is not State.IN_FLIGHT:
                raise invalid_value("ReceiptHandle", receipt, "The receipt handle has expired.")
            queue.remove(message)
        self._counts.deleted(queue)
        return {}

    def _change_visibility(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        self._change(queue, params)
        self._registry.look_at(queue)
        return {}

    def _change_visibility_batch(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        entries: list[Entry] = params.get("Entries", [])
        check_entries(entries, "ChangeMessageVisibilityBatchRequestEntry")
        answer = answer_entries(entries, lambda entry: self._change(queue, entry))
        self._registry.look_at(queue)
        return answer

    def _change(self, queue: Queue, params: Params) -> Entry:
        receipt = _receipt(queue, params)
        seconds = params.get("VisibilityTimeout")
        if seconds is None:
            raise missing_parameter("VisibilityTimeout")
        if not 0 <= seconds <= VISIBILITY_SECONDS_MAX:
            raise invalid_value(
                "VisibilityTimeout",
                seconds,
                f"VisibilityTimeout must be an integer between 0 and {VISIBILITY_SECONDS_MAX}.",
            )
        now_ms = self._aws.now_ms
        queue.settle(now_ms)
        message = queue.find(receipt)
        if message is None:
            raise invalid_value(
                "ReceiptHandle",
                receipt,
                "Message does not exist or is not available for visibility timeout change.",
            )
        if message.state is not State.IN_FLIGHT:
            raise sqs_error("MessageNotInflight", "The specified message isn't in flight.")
        if now_ms + seconds * 1000 > message.received_ms + VISIBILITY_SECONDS_MAX * 1000:
            raise invalid_value(
                "VisibilityTimeout",
                seconds,
                "Total VisibilityTimeout for the message is beyond the limit "
                f"[{VISIBILITY_SECONDS_MAX} seconds].",
            )
        queue.hide(message, now_ms, seconds * 1000)
        if seconds:
            self._registry.hidden(queue)
        return {}


def _bury(message: Message, source: Queue, dead_letters: Queue, now_ms: int) -> None:
    """A message keeps its age in a standard queue. In a FIFO queue it gets a new one, and its own
    id against being taken for another that had the same deduplication id.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    """
    # A copy: the source's heaps still hold the one that is gone.
    moved = replace(message, dead_letter_source_arn=source.arn, receipt="")
    if dead_letters.settings.fifo:
        moved.enqueued_ms = now_ms
        moved.deduplication_id = moved.message_id
    dead_letters.add(moved, now_ms)


def _checked(params: Params, queue: Queue) -> _Request:
    count = params.get("MaxNumberOfMessages", 1)
    if not 1 <= count <= _MESSAGES_MAX:
        raise invalid_value(
            "MaxNumberOfMessages", count, f"Must be between 1 and {_MESSAGES_MAX}, if provided."
        )
    names = frozenset(params.get("AttributeNames") or ()) | frozenset(
        params.get("MessageSystemAttributeNames") or ()
    )
    unknown = sorted(names - _SYSTEM_ATTRIBUTES)
    if unknown:
        raise sqs_error("InvalidAttributeName", f"Unknown Attribute {unknown[0]}.")
    settings = queue.settings
    return _Request(
        count,
        _ms(params, "VisibilityTimeout", VISIBILITY_SECONDS_MAX, settings.visibility_ms),
        _ms(params, "WaitTimeSeconds", WAIT_SECONDS_MAX, settings.wait_ms),
        names,
        params.get("MessageAttributeNames") or [],
        params.get("ReceiveRequestAttemptId", "") if settings.fifo else "",
    )


def _ms(params: Params, name: str, seconds_max: int, default_ms: int) -> int:
    seconds = params.get(name)
    if seconds is None:
        return default_ms
    if not 0 <= seconds <= seconds_max:
        raise invalid_value(name, seconds, f"Must be >= 0 and <= {seconds_max}, if provided.")
    return int(seconds) * 1000


def _receipt(queue: Queue, params: Params) -> str:
    receipt: str = params.get("ReceiptHandle", "")
    if not receipt:
        raise missing_parameter("ReceiptHandle")
    if not queue.is_own(receipt):
        raise sqs_error(
            "ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not valid.'
        )
    return receipt


def _shown(message: Message, request: _Request) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    if request.system_names:
        attributes = message.described()
        if "All" not in request.system_names:
            attributes = {
                name: value for name, value in attributes.items() if name in request.system_names
            }
        if attributes:
            shown["Attributes"] = attributes
    if message.attributes and request.attribute_names:
        sent = selected(message.attributes, request.attribute_names)
        if sent:
            shown["MD5OfMessageAttributes"] = attributes_md5(sent)
            shown["MessageAttributes"] = dict(sent)
    return shown
