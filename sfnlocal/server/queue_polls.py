"""Long polls of other processes: they wait in real time, whatever the virtual one does.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from sfnlocal.server.http import Response


class HeldResponse(Future[Response]):
    """The response to a receiver that waits for messages; `empty` is what it is told after
    `wait_seconds` of real time."""

    def __init__(self, wait_seconds: float, empty: Response) -> None:
        super().__init__()
        self.wait_seconds = wait_seconds
        self.empty = empty


async def answered(later: Future[Response]) -> Response:
    if not isinstance(later, HeldResponse):
        return await asyncio.wrap_future(later)
    try:
        async with asyncio.timeout(later.wait_seconds):
            return await asyncio.wrap_future(later)
    except TimeoutError:
        return later.empty
