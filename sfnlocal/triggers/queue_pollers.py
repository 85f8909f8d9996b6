"""The pollers of all mappings, or of all pipes: woken when a message becomes visible in their
queue, and put aside where a test's actor takes the messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfnlocal.triggers.queue_poller import QueuePoller

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws


class QueuePollers:
    """By a key of their owner's."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._pollers: dict[str, QueuePoller] = {}
        self._watched: set[str] = set()
        self._taken: set[str] = set()

    def start(self, key: str, poller: QueuePoller) -> None:
        """In the place of what runs under the same key."""
        self.stop(key)
        self._pollers[key] = poller
        queue_arn = poller.settings.queue_arn
        if queue_arn not in self._watched:
            self._watched.add(queue_arn)
            self._aws.queues.on_visible(queue_arn, lambda: self.wake(queue_arn))

    def stop(self, key: str) -> None:
        poller = self._pollers.pop(key, None)
        if poller is not None:
            poller.stop()

    def stand_aside(self, queue_arn: str) -> None:
        """Somebody else takes the messages of this queue: a test's actor."""
        self._taken.add(queue_arn)

    def wake(self, queue_arn: str) -> None:
        """There may be messages."""
        if queue_arn not in self._taken:
            for poller in self._pollers.values():
                if poller.settings.queue_arn == queue_arn:
                    poller.poll_soon()
