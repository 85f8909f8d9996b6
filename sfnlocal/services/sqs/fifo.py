"""A FIFO queue: strict order within a message group, and no message twice within five minutes.

Strategy: each message group is a queue of its own, which is closed while one of its messages is in
flight; open groups wait in a heap by their first message.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

from sfnlocal.services.sqs.attributes import QueueSettings
from sfnlocal.services.sqs.message import Message, State
from sfnlocal.services.sqs.queue import Queue, Received

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
DEDUPLICATION_MS = 300_000

_FIRST_SEQUENCE_NUMBER = 18_000_000_000_000_000_000


@dataclass(slots=True, eq=False)
class _Group:
    """`in_flight` are those of `messages` that somebody has; `offered`: it is in the heap."""

    messages: deque[Message] = field(default_factory=deque)
    in_flight: int = 0
    offered: bool = False


class FifoQueue(Queue):
    def __init__(
        self, name: str, arn: str, url: str, settings: QueueSettings, now_ms: int, prefix: str
    ) -> None:
        super().__init__(name, arn, url, settings, now_ms, prefix)
        self._groups: dict[str, _Group] = {}
        self._open: list[tuple[int, str]] = []
        self._sent: dict[tuple[str, str], Message] = {}
        self._sent_at: deque[tuple[int, tuple[str, str], Message]] = deque()
        self._attempts: dict[str, tuple[int, list[tuple[Message, str]]]] = {}
        self._sequence_number = _FIRST_SEQUENCE_NUMBER

    def repeated(self, attempt_id: str, now_ms: int, hide_ms: int) -> list[Message] | None:
        attempt = self._attempts.get(attempt_id)
        if attempt is None or attempt[0] <= now_ms - DEDUPLICATION_MS:
            return None
        self.settle(now_ms)
        messages = [message for message, receipt in attempt[1] if self.find(receipt) is message]
        if not messages or any(message.state is not State.IN_FLIGHT for message in messages):
            return None
        for message in messages:
            self.hide(message, now_ms, hide_ms)
        return messages

    def remember(self, attempt_id: str, messages: list[Message], now_ms: int) -> None:
        for old, (at_ms, _) in list(self._attempts.items()):
            if at_ms > now_ms - DEDUPLICATION_MS:
                break
            del self._attempts[old]
        self._attempts.pop(attempt_id, None)
        self._attempts[attempt_id] = (now_ms, [(one, one.receipt) for one in messages])

    def change(self, settings: QueueSettings, now_ms: int) -> None:
        """Another delay counts for the messages that are delayed now, too."""
        longer_ms = settings.delay_ms - self.settings.delay_ms
        super().change(settings, now_ms)
        for _, _, message in list(self._hidden) if longer_ms else ():
            if message.state is State.DELAYED:
                message.visible_at_ms += longer_ms
                self._wait(message)
        self.settle(now_ms)

    def earlier(self, message: Message, now_ms: int) -> Message | None:
        """The message of the last five minutes that this one repeats; else this one is
        remembered."""
        while self._sent_at and self._sent_at[0][0] <= now_ms - DEDUPLICATION_MS:
            _, key, old = self._sent_at.popleft()
            if self._sent.get(key) is old:
                del self._sent[key]
        scope = message.group_id if self.settings.deduplicates_by_group else ""
        key = (scope, message.deduplication_id)
        known = self._sent.get(key)
        if known is None:
            self._sent[key] = message
            self._sent_at.append((now_ms, key, message))
        return known

    def purge(self) -> None:
        super().purge()
        self._groups.clear()
        self._open.clear()

    def _arrived(self, message: Message) -> None:
        self._sequence_number += 256
        message.sequence_number = str(self._sequence_number)
        group = self._groups.get(message.group_id)
        if group is None:
            group = self._groups[message.group_id] = _Group()
        group.messages.append(message)

    def _move(self, message: Message, state: State) -> None:
        group = self._groups[message.group_id]
        if message.state is State.IN_FLIGHT:
            group.in_flight -= 1
        if state is State.IN_FLIGHT:
            group.in_flight += 1
        super()._move(message, state)

    def _left(self, message: Message) -> None:
        self._offer(message)

    def _offer(self, message: Message) -> None:
        """Its group may be open now."""
        group = self._groups[message.group_id]
        messages = group.messages
        while messages and messages[0].state is State.GONE:
            messages.popleft()
        if not messages:
            del self._groups[message.group_id]
        elif not group.in_flight and not group.offered and messages[0].state is State.VISIBLE:
            group.offered = True
            heapq.heappush(self._open, (messages[0].serial, message.group_id))
            self.has_news = True

    def _take(
        self, now_ms: int, count: int, receive_count_max: int | None, received: Received
    ) -> bool:
        """As many as possible of the group whose first message is oldest."""
        if not self._open:
            return False
        _, group_id = heapq.heappop(self._open)
        group = self._groups.get(group_id)
        if group is None:
            return True
        group.offered = False
        if group.in_flight:
            return True
        dead: list[Message] = []
        for message in group.messages:
            if message.state is State.GONE:
                continue
            if message.state is not State.VISIBLE or len(received.messages) == count:
                break
            if message.visible_at_ms > now_ms:
                self._hide_again(message)
                break
            if receive_count_max is not None and message.receive_count >= receive_count_max:
                dead.append(message)
            else:
                self._move(message, State.IN_FLIGHT)
                received.messages.append(message)
        for message in dead:
            self.remove(message)
        received.dead += dead
        return True
