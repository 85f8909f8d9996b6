"""Long polls of queues: ReceiveMessage with WaitTimeSeconds.

moto would wait with its lock held. Here an empty answer is held back until somebody sends a
message, and asked for again then and when the time is over.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

from __future__ import annotations

import asyncio
import json

from sfnlocal.ports import Json
from sfnlocal.server.http import Request, Response
from sfnlocal.services.aws import Aws

_WAIT_SECONDS_MAX = 20


class QueuePolls:
    """Made on the event loop's thread, and used there."""

    def __init__(self, aws: Aws) -> None:
        self._loop = asyncio.get_running_loop()
        # Taken before a queue is looked at, so that no message falls in between.
        self.next_send = asyncio.Event()
        aws.observe(self._called)

    def _called(
        self, service: str, operation: str, params: dict[str, Json], response: dict[str, Json]
    ) -> None:
        """On any thread."""
        if service == "sqs" and operation.startswith("SendMessage"):
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self.next_send.set()
        self.next_send = asyncio.Event()

    async def wait(self, send: asyncio.Event, seconds: float) -> None:
        """Until somebody has sent a message, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await send.wait()
        except TimeoutError:
            pass

    def wait_seconds(self, request: Request) -> float:
        if request.headers.get("x-amz-target") != "AmazonSQS.ReceiveMessage":
            return 0.0
        seconds = json.loads(request.body).get("WaitTimeSeconds", 0)
        return min(seconds, _WAIT_SECONDS_MAX) if isinstance(seconds, int | float) else 0.0

    def found_nothing(self, response: Response) -> bool:
        return response.status == 200 and not json.loads(response.body or b"{}").get("Messages")
