"""Polls a queue for one consumer, a function or a pipe: receives, filters, gathers batches, and
deletes what the consumer took.

Nobody polls in virtual time: a queue is read when a message becomes visible in it, and when a batch
has ended. One batch begins a turn, so that what it starts goes on between two. Batches overlap for
as long as their consumers take; the consumer says when one has ended, and which of its messages
failed: those stay hidden until their visibility time-out ends.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.limits import LAMBDA_PAYLOAD_BYTES_MAX
from sfnlocal.ports import Caller, Json
from sfnlocal.triggers.filter_criteria import ALL_RECORDS, FilterCriteria
from sfnlocal.triggers.queue_records import queue_record

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

# ReceiveMessage and DeleteMessageBatch take ten; larger batches are gathered from several calls.
CALL_MESSAGES_MAX = 10
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_POLLERS_FIRST = 5
_POLLERS_MORE_A_MINUTE = 300
CONCURRENCY_MAX = 1_000
_MINUTE_MS = 60_000
# After a ReceiveMessage that failed.
_POLL_AGAIN_MS = 20_000
# `{"Records": []}`, and what parts two records.
_ENVELOPE_BYTES, _SEPARATOR_BYTES = 16, 2

# Tells that a batch has ended, and the ids of its messages that failed.
Done: TypeAlias = Callable[[Collection[str]], None]


class Batch(NamedTuple):
    """`records` as consumers get them, the first of which was received at `received_ms`."""

    records: Sequence[dict[str, Json]]
    received_ms: int

    @property
    def message_ids(self) -> list[str]:
        return [record["messageId"] for record in self.records]


@dataclass(frozen=True, slots=True)
class PollSettings:
    """`concurrency_max` is how many batches run at a time."""

    queue_arn: str
    queue_url: str
    batch_size: int
    window_ms: int = 0
    criteria: FilterCriteria = ALL_RECORDS
    concurrency_max: int = CONCURRENCY_MAX


class _Gathered(NamedTuple):
    record: dict[str, Json]
    size_bytes: int


class QueuePoller:
    """`consume(batch, done)` begins a batch."""

    def __init__(
        self,
        aws: Aws,
        settings: PollSettings,
        caller: Caller,
        consume: Callable[[Batch, Done], None],
    ) -> None:
        self.settings = settings
        self._aws = aws
        self._caller = caller
        self._consume = consume
        self._stopped = False
        self._poll_due = False
        self._running = 0
        self._busy_since_ms = 0
        self._gathered: list[_Gathered] = []
        self._gathered_bytes = 0
        self._first_ms: int | None = None
        self._window_ends_ms: int | None = None

    def stop(self) -> None:
        """Read nothing more. What was received already still reaches the consumer."""
        self._stopped = True

    def poll_soon(self) -> None:
        """Look into the queue, in a turn of its own."""
        if not self._poll_due:
            self._poll_due = True
            self._aws.at(self._aws.now_ms, self._poll)

    def visible_ms(self, batch: Batch) -> int:
        """When the batch's first message becomes visible again; at once where the queue does not
        tell."""
        params = {"QueueUrl": self.settings.queue_url, "AttributeNames": ["VisibilityTimeout"]}
        try:
            answer = self._aws.call("sqs", "GetQueueAttributes", params, self._caller)
        except ApiError as error:
            self._note("asks its queue", error)
            return batch.received_ms
        return batch.received_ms + int(answer["Attributes"]["VisibilityTimeout"]) * 1000

    def _poll(self) -> None:
        self._poll_due = False
        if self._running >= self._concurrency():
            return
        batch = self._next_batch()
        if batch is not None:
            self._begin(batch)
            self.poll_soon()

    def _concurrency(self) -> int:
        """How many batches may run by now: a busy queue gets more pollers every minute."""
        now_ms, most = self._aws.now_ms, self.settings.concurrency_max
        if not self._running:
            self._busy_since_ms = now_ms
        minutes = (now_ms - self._busy_since_ms) // _MINUTE_MS
        allowed = min(_POLLERS_FIRST + minutes * _POLLERS_MORE_A_MINUTE, most)
        if self._running >= allowed and allowed < most:
            grown_ms = self._busy_since_ms + (minutes + 1) * _MINUTE_MS
            self._aws.at(grown_ms, self.poll_soon, lambda: self._running >= allowed)
        return allowed

    def _next_batch(self) -> Batch | None:
        """None where nothing is there, or the window is open."""
        self._gather()
        count = self._fitting()
        full = count == self.settings.batch_size or count < len(self._gathered)
        if not count or not (full or self._window_is_over()):
            return None
        assert self._first_ms is not None
        batch = Batch([one.record for one in self._gathered[:count]], self._first_ms)
        del self._gathered[:count]
        self._gathered_bytes = sum(one.size_bytes for one in self._gathered)
        self._first_ms = self._aws.now_ms if self._gathered else None
        return batch

    def _gather(self) -> None:
        while not self._stopped and len(self._gathered) < self.settings.batch_size:
            wanted = min(self.settings.batch_size - len(self._gathered), CALL_MESSAGES_MAX)
            received = self._receive(wanted)
            for record in self._passing(received):
                size_bytes = len(json.dumps(record)) + _SEPARATOR_BYTES
                self._gathered.append(_Gathered(record, size_bytes))
                self._gathered_bytes += size_bytes
            if self._gathered and self._first_ms is None:
                self._first_ms = self._aws.now_ms
            if len(received) < wanted:
                return

    def _fitting(self) -> int:
        """How many of the gathered messages one call's payload has room for."""
        room_bytes = LAMBDA_PAYLOAD_BYTES_MAX - _ENVELOPE_BYTES
        if self._gathered_bytes <= room_bytes:
            return len(self._gathered)
        for count, one in enumerate(self._gathered):
            room_bytes -= one.size_bytes
            if room_bytes < 0:
                return max(count, 1)
        return len(self._gathered)

    def _window_is_over(self) -> bool:
        """The window opens with the first message of a batch."""
        assert self._first_ms is not None
        over_ms = self._first_ms + self.settings.window_ms
        if self._stopped or self._aws.now_ms >= over_ms:
            return True
        if self._window_ends_ms != over_ms:
            self._window_ends_ms = over_ms
            self._aws.at(over_ms, self.poll_soon, lambda: bool(self._gathered))
        return False

    def _passing(self, received: list[dict[str, Json]]) -> list[dict[str, Json]]:
        """What no filter wants is deleted."""
        passing: list[dict[str, Json]] = []
        others: list[dict[str, Json]] = []
        for record in received:
            (passing if self.settings.criteria.matches(record) else others).append(record)
        if others:
            self._delete(others)
            told = f"{len(others)} message{'s' if len(others) > 1 else ''} dropped"
            self._aws.timeline.add(
                self._caller.source_arn,
                "no filter matches",
                self.settings.queue_arn,
                error=told,
            )
        return passing

    def _begin(self, batch: Batch) -> None:
        self._running += 1

        def done(failed: Collection[str]) -> None:
            self._running -= 1
            self._delete([one for one in batch.records if one["messageId"] not in failed])
            self.poll_soon()

        self._consume(batch, done)

    # The queue

    def _receive(self, count: int) -> list[dict[str, Json]]:
        params = {
            "QueueUrl": self.settings.queue_url,
            "MaxNumberOfMessages": count,
            "WaitTimeSeconds": 0,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        try:
            answer = self._aws.call("sqs", "ReceiveMessage", params, self._caller)
        except ApiError as error:
            self._note("reads its queue", error)
            # AWS never stops polling.
            again_ms = self._aws.now_ms + _POLL_AGAIN_MS
            self._aws.at(again_ms, self.poll_soon, lambda: not self._stopped, recurring=True)
            return []
        messages = answer.get("Messages") or []
        return [queue_record(message, self.settings.queue_arn) for message in messages]

    def _delete(self, records: Sequence[dict[str, Json]]) -> None:
        """A message that others have received meanwhile stays, as on AWS."""
        for start in range(0, len(records), CALL_MESSAGES_MAX):
            part = records[start : start + CALL_MESSAGES_MAX]
            entries = [
                {"Id": str(index), "ReceiptHandle": record["receiptHandle"]}
                for index, record in enumerate(part)
            ]
            params = {"QueueUrl": self.settings.queue_url, "Entries": entries}
            try:
                self._aws.call("sqs", "DeleteMessageBatch", params, self._caller)
            except ApiError as error:
                self._note("deletes from its queue", error)

    def _note(self, why: str, error: ApiError) -> None:
        source_arn, queue_arn = self._caller.source_arn, self.settings.queue_arn
        self._aws.timeline.add(
            source_arn, why, queue_arn, error=f"{error.aws_code}: {error.message}"
        )
