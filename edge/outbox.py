"""What could not be sent yet. While there is no connection messages wait, oldest first; of more
than fit, the oldest are lost. A message whose answer was lost goes out twice: whoever gets them
orders and knows them by the device's time."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

# Sends one message to a topic. Raises OSError (ConnectionError, TimeoutError) where it does not
# know that the message has arrived.
Publish: TypeAlias = Callable[[str, bytes], None]


class Outbox:
    def __init__(self, publish: Publish, messages_max: int = 1_000) -> None:
        self._publish = publish
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=messages_max)

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, topic: str, message: Mapping[str, Any]) -> None:
        """Now, or with a later call."""
        self._waiting.append((topic, json.dumps(message, separators=(",", ":")).encode()))
        self.flush()

    def flush(self) -> None:
        """Send what waits, as long as it arrives."""
        while self._waiting:
            try:
                self._publish(*self._waiting[0])
            except OSError:
                return
            self._waiting.popleft()
