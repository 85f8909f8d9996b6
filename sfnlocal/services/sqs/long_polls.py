"""Long polling: what a receiver that waits is answered with, and when.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from sfnlocal.ports import Json
from sfnlocal.services.sqs.queue import Queue
from sfnlocal.services.sqs.registry import QueueRegistry

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws


class LongPoll(Future[dict[str, Json]]):
    """The answer to a receiver that waits: the messages when some arrive, nothing at its virtual
    deadline. Virtual time does not hurry there for receivers of other processes, which wait in
    real time (`wait_seconds`)."""

    def __init__(self, aws: Aws, registry: QueueRegistry, queue: Queue, wait_ms: int) -> None:
        super().__init__()
        self.wait_seconds = wait_ms / 1000
        self._aws = aws
        self._registry = registry
        self._queue = queue
        self._until_ms = aws.now_ms + wait_ms
        aws.at(self._until_ms, self._end, self._is_open, recurring=True)

    def awaited_here(self) -> None:
        """Who waits lets virtual time pass."""
        self._aws.at(self._until_ms, self._end, self._is_open)
        self._registry.hurry(self._queue, 1)
        self.add_done_callback(lambda _: self._registry.hurry(self._queue, -1))

    def answer(self, answer: dict[str, Json]) -> bool:
        with suppress(InvalidStateError):
            self.set_result(answer)
        return True

    def _end(self) -> None:
        self.answer({})

    def _is_open(self) -> bool:
        return not self.done()
