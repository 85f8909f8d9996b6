"""A standard queue: which message may be received when.

Strategy: visible messages wait in a heap by their place in the queue, hidden ones (delayed or in
flight) in a heap by the time at which they become visible, all in a heap by age. Nothing is
searched: an entry that has become untrue is dropped when it comes to the top. Time is told with
each call, and what is due by then happens first.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from sfnlocal.services.sqs.attributes import QueueSettings
from sfnlocal.services.sqs.message import Message, State

_Entry = tuple[int, int, Message]

# Dead entries are cleared out when there are more than this, and more than living ones.
_CLEAR_AT = 1_000


@dataclass(slots=True)
class Received:
    """What a receive found. `dead` have been received too often, and have left the queue."""

    messages: list[Message]
    dead: list[Message]


class Queue:
    """`handle_prefix` begins its receipt handles. `has_news` is set when a message can be received
    that could not before; who has looked sets it back."""

    def __init__(
        self, name: str, arn: str, url: str, settings: QueueSettings, now_ms: int, prefix: str
    ) -> None:
        self.name = name
        self.arn = arn
        self.url = url
        self.settings = settings
        self.created_ms = now_ms
        self.modified_ms = now_ms
        self.handle_prefix = prefix
        self.tags: dict[str, str] = {}
        self.purged_ms: int | None = None
        self.has_news = False
        self._serial = 0
        self._entries = 0
        self._counts = [0, 0, 0, 0]
        self._visible: list[tuple[int, Message]] = []
        self._hidden: list[_Entry] = []
        self._ages: list[_Entry] = []
        self._receipts: dict[str, Message] = {}

    # What it holds

    @property
    def visible(self) -> int:
        return self._counts[State.VISIBLE]

    @property
    def delayed(self) -> int:
        return self._counts[State.DELAYED]

    @property
    def in_flight(self) -> int:
        return self._counts[State.IN_FLIGHT]

    @property
    def total(self) -> int:
        return self.visible + self.delayed + self.in_flight

    def messages(self) -> Iterator[Message]:
        """Those that can be seen now, in their order; they stay as they are."""
        found = [one for _, _, one in self._ages if one.state is State.VISIBLE]
        return iter(sorted(found, key=lambda message: message.serial))

    def oldest_ms(self) -> int | None:
        """When the oldest message was enqueued."""
        self._clear_ages()
        return self._ages[0][0] if self._ages else None

    def next_visible_ms(self) -> int | None:
        """When the next hidden message becomes visible."""
        hidden = self._hidden
        while hidden and not _is_true(hidden[0]):
            heapq.heappop(hidden)
        return hidden[0][0] if hidden else None

    def find(self, receipt: str) -> Message | None:
        """The message whose last receive gave this handle."""
        return self._receipts.get(receipt)

    def is_own(self, receipt: str) -> bool:
        """Was this handle given by this queue, at any time?"""
        return receipt.startswith(self.handle_prefix)

    def repeated(self, attempt_id: str, now_ms: int, hide_ms: int) -> list[Message] | None:
        """What an earlier receive of the same ReceiveRequestAttemptId got, hidden anew; None: it
        is to be received. Only FIFO queues know attempts."""
        return None

    def remember(self, attempt_id: str, messages: list[Message], now_ms: int) -> None:
        """What a receive got."""

    def change(self, settings: QueueSettings, now_ms: int) -> None:
        self.settings = settings
        self.modified_ms = now_ms

    # What happens to messages

    def settle(self, now_ms: int) -> None:
        """Do what is due: messages expire, hidden ones become visible."""
        ages, oldest_ms = self._ages, now_ms - self.settings.retention_ms
        while ages and (ages[0][2].state is State.GONE or ages[0][0] <= oldest_ms):
            message = heapq.heappop(ages)[2]
            if message.state is not State.GONE:
                self.remove(message)
        hidden = self._hidden
        while hidden and hidden[0][0] <= now_ms:
            entry = heapq.heappop(hidden)
            if _is_true(entry):
                self._show(entry[2])

    def take(self, count: int, now_ms: int) -> list[Message]:
        """Take up to `count` visible messages out of the queue."""
        self.settle(now_ms)
        taken = Received([], [])
        while len(taken.messages) < count and self._take(now_ms, count, None, taken):
            pass
        for message in taken.messages:
            self.remove(message)
        return taken.messages

    def add(self, message: Message, now_ms: int, delay_ms: int = 0) -> None:
        """Put a message at the end."""
        self._serial += 1
        message.serial = self._serial
        self._entries += 1
        heapq.heappush(self._ages, (message.enqueued_ms, self._entries, message))
        self._arrived(message)
        # It counts as delayed until it is shown.
        message.state = State.DELAYED
        self._counts[State.DELAYED] += 1
        message.visible_at_ms = now_ms + delay_ms
        if delay_ms:
            self._wait(message)
        else:
            self._show(message)

    def receive(
        self, now_ms: int, count: int, hide_ms: int, receive_count_max: int | None = None
    ) -> Received:
        """Up to `count` messages, hidden for so long from now on; those that have been received
        `receive_count_max` times are taken out instead."""
        self.settle(now_ms)
        received = Received([], [])
        while len(received.messages) < count and self._take(
            now_ms, count, receive_count_max, received
        ):
            pass
        for message in received.messages:
            message.receive_count += 1
            message.received_ms = now_ms
            message.first_received_ms = message.first_received_ms or now_ms
            self.hide(message, now_ms, hide_ms)
        return received

    def give_receipt(self, message: Message, receipt: str) -> None:
        """The handle of the last receive; those before lose their effect."""
        self._receipts.pop(message.receipt, None)
        message.receipt = receipt
        self._receipts[receipt] = message

    def hide(self, message: Message, now_ms: int, hide_ms: int) -> None:
        """Keep a message that was received from others for so long; 0: it is visible again."""
        message.visible_at_ms = now_ms + hide_ms
        self._move(message, State.IN_FLIGHT)
        if hide_ms:
            self._wait(message)
        else:
            self._show(message)

    def remove(self, message: Message) -> None:
        self._receipts.pop(message.receipt, None)
        self._move(message, State.GONE)
        self._left(message)
        if len(self._ages) > _CLEAR_AT and len(self._ages) > 2 * self.total:
            self._clear()

    def purge(self) -> None:
        for _, _, message in self._ages:
            if message.state is not State.GONE:
                self.remove(message)
        self._clear()

    # How that is done

    def _show(self, message: Message) -> None:
        self._move(message, State.VISIBLE)
        self._offer(message)

    def _move(self, message: Message, state: State) -> None:
        self._counts[message.state] -= 1
        self._counts[state] += 1
        message.state = state

    def _wait(self, message: Message) -> None:
        self._entries += 1
        heapq.heappush(self._hidden, (message.visible_at_ms, self._entries, message))

    def _hide_again(self, message: Message) -> None:
        """A handler that slept was ahead of time: it is not visible yet."""
        self._move(message, State.IN_FLIGHT if message.receive_count else State.DELAYED)
        self._wait(message)

    def _clear_ages(self) -> None:
        while self._ages and self._ages[0][2].state is State.GONE:
            heapq.heappop(self._ages)

    def _clear(self) -> None:
        self._ages = [entry for entry in self._ages if entry[2].state is not State.GONE]
        self._hidden = [entry for entry in self._hidden if _is_true(entry)]
        heapq.heapify(self._ages)
        heapq.heapify(self._hidden)

    # The order

    def _arrived(self, message: Message) -> None:
        """A message has its place."""

    def _left(self, message: Message) -> None:
        """A message is gone."""

    def _offer(self, message: Message) -> None:
        """A message has become visible."""
        heapq.heappush(self._visible, (message.serial, message))
        self.has_news = True

    def _take(
        self, now_ms: int, count: int, receive_count_max: int | None, received: Received
    ) -> bool:
        """Find the next message or messages. False: there are none."""
        while self._visible:
            message = heapq.heappop(self._visible)[1]
            if message.state is not State.VISIBLE:
                continue
            if message.visible_at_ms > now_ms:
                self._hide_again(message)
                continue
            if receive_count_max is not None and message.receive_count >= receive_count_max:
                self.remove(message)
                received.dead.append(message)
            else:
                self._move(message, State.IN_FLIGHT)
                received.messages.append(message)
            return True
        return False


def _is_true(entry: _Entry) -> bool:
    """Does the message still become visible then?"""
    message = entry[2]
    return message.visible_at_ms == entry[0] and message.state in (State.DELAYED, State.IN_FLIGHT)
