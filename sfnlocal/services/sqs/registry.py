"""Which queues there are, and who is told of messages that can be received.

Two kinds of listener: long polls, which get the messages themselves, and everybody else (event
source mappings, pipes, actors), who is told through the agenda that there is something to receive.
Of a hidden message the agenda has an entry only while somebody listens.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from sfnlocal.services.sqs.attributes import QueueSettings
from sfnlocal.services.sqs.depths import Depths
from sfnlocal.services.sqs.errors import missing_parameter, no_such_queue, sqs_error
from sfnlocal.services.sqs.fifo import FifoQueue
from sfnlocal.services.sqs.queue import Queue

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

Listener = Callable[[], None]
# Gets what it waits for from the queue, if it can; True: it waits no longer.
Poll = Callable[[Queue], bool]

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
_DELETED_FOR_MS = 60_000


class DeployedQueue(NamedTuple):
    """One of the template, which is made when somebody speaks of it: most runs need few."""

    name: str
    settings: QueueSettings
    tags: Mapping[str, str]


class QueueRegistry:
    """`rng` is where ids come from."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.rng = random.Random(f"{aws.seed}/sqs")
        self._depths = Depths(aws, self.look_at)
        self._by_name: dict[str, Queue | DeployedQueue] = {}
        self._by_url: dict[str, Queue] = {}
        self._deleted_ms: dict[str, int] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._polls: dict[Queue, list[Poll]] = {}
        # How many of the polls virtual time goes on for.
        self._hurried: Counter[Queue] = Counter()
        # When the agenda tells a queue's listeners, and wakes a queue (recurring or not), next.
        self._told_ms: dict[str, int] = {}
        self._woken_ms: dict[tuple[Queue, bool], int] = {}

    # Queues

    def __iter__(self) -> Iterator[Queue]:
        return (queue for name in list(self._by_name) if (queue := self.named(name)))

    def deploy(self, queues: Iterable[DeployedQueue]) -> None:
        self._by_name.update({queue.name: queue for queue in queues})

    def new_id(self) -> str:
        bits = f"{self.rng.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"

    def named(self, name: str) -> Queue | None:
        found = self._by_name.get(name)
        if isinstance(found, DeployedQueue):
            self._aws.at_the_start(partial(self._make, found))
            found = self._by_name[name]
            assert isinstance(found, Queue)
        return found

    def make_all(self) -> None:
        for name in list(self._by_name):
            self.named(name)

    def _make(self, deployed: DeployedQueue) -> None:
        queue = self.add(deployed.name, deployed.settings, self._aws.now_ms)
        queue.tags.update(deployed.tags)

    def is_untouched(self, arn_or_url: str) -> bool:
        """Nobody has spoken of it yet: it is empty."""
        name = arn_or_url.rpartition("/")[2].rpartition(":")[2]
        return isinstance(self._by_name.get(name), DeployedQueue)

    def find(self, url: str | None) -> Queue:
        """By QueueUrl, whatever its host. Raises ApiError."""
        if not url:
            raise missing_parameter("QueueUrl")
        queue = self._by_url.get(url)
        if queue is not None:
            return queue
        account, _, name = urlsplit(url).path.removeprefix("/").rpartition("/")
        queue = self.named(name)
        if queue is None or account not in ("", self._aws.app.account):
            raise no_such_queue()
        return queue

    def by_arn(self, arn: str) -> Queue | None:
        queue = self.named(arn.rpartition(":")[2])
        return queue if queue is not None and queue.arn == arn else None

    def sources(self, queue: Queue) -> list[Queue]:
        """The queues whose dead letters go to this one."""
        names = [
            one.name
            for one in self._by_name.values()
            if one.settings.redrive is not None
            and one.settings.redrive.dead_letter_arn == queue.arn
        ]
        return [source for name in names if (source := self.named(name))]

    def arn(self, name: str) -> str:
        app = self._aws.app
        return f"arn:{app.partition}:sqs:{app.region}:{app.account}:{name}"

    def add(self, name: str, settings: QueueSettings, now_ms: int) -> Queue:
        """Raises ApiError where one of that name was there a moment ago."""
        if now_ms - self._deleted_ms.get(name, -_DELETED_FOR_MS) < _DELETED_FOR_MS:
            raise sqs_error(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another "
                "with the same name.",
            )
        app = self._aws.app
        domain = "amazonaws.com.cn" if app.partition == "aws-cn" else "amazonaws.com"
        url = f"https://sqs.{app.region}.{domain}/{app.account}/{name}"
        # Its own, whenever it is made.
        own = random.Random(f"{self._aws.seed}/sqs/{name}")
        prefix = f"AQEB{own.getrandbits(64):016x}"
        kind = FifoQueue if settings.fifo else Queue
        queue = kind(name, self.arn(name), url, settings, now_ms, prefix)
        self._depths.changed(queue)
        self._by_name[name] = self._by_url[url] = queue
        return queue

    def remove(self, queue: Queue, now_ms: int) -> None:
        del self._by_name[queue.name], self._by_url[queue.url]
        self._deleted_ms[queue.name] = now_ms
        self._polls.pop(queue, None)

    # Listeners

    def listen(self, queue_arn: str, listener: Listener) -> None:
        self._listeners.setdefault(queue_arn, []).append(listener)
        queue = None if self.is_untouched(queue_arn) else self.by_arn(queue_arn)
        if queue is not None:
            queue.settle(self._aws.now_ms)
            queue.has_news = bool(queue.visible)
            self.look_at(queue)
            self._wake_for(queue)

    def poll(self, queue: Queue, poll: Poll) -> None:
        """Let `poll` look at the queue whenever there is something to receive."""
        self._polls.setdefault(queue, []).append(poll)
        self._wake_for(queue)

    def hurry(self, queue: Queue, polls: int) -> None:
        """So many polls more let virtual time pass until there is something; less, if negative."""
        self._hurried[queue] += polls
        self._wake_for(queue)

    def stop_polling(self, queue: Queue, poll: Poll) -> None:
        polls = self._polls.get(queue, [])
        if poll in polls:
            polls.remove(poll)
        if not polls:
            self._polls.pop(queue, None)

    def look_at(self, queue: Queue) -> None:
        """After each operation: tell who listens."""
        self._depths.changed(queue)
        if queue.has_news:
            queue.has_news = False
            if queue in self._polls:
                self._answer_polls(queue)
            if queue.visible and queue.arn in self._listeners:
                self._tell(queue)

    def hidden(self, queue: Queue) -> None:
        """After a message was hidden: it will be visible."""
        if queue.arn in self._listeners or queue in self._polls:
            self._wake_for(queue)

    def _answer_polls(self, queue: Queue) -> None:
        for poll in list(self._polls[queue]):
            if not queue.visible:
                break
            if poll(queue):
                self.stop_polling(queue, poll)
        queue.has_news = False

    def _tell(self, queue: Queue) -> None:
        now_ms, told_ms = self._aws.now_ms, self._told_ms.get(queue.arn)
        if told_ms is None or told_ms > now_ms:
            self._told_ms[queue.arn] = now_ms
            self._aws.at(now_ms, partial(self._told, queue.arn))

    def _told(self, queue_arn: str) -> None:
        self._told_ms.pop(queue_arn, None)
        for listener in list(self._listeners.get(queue_arn, ())):
            listener()

    def _wake_for(self, queue: Queue) -> None:
        """Nobody here waits for what receivers of other processes wait for: virtual time does not
        go on for them."""
        recurring = queue.arn not in self._listeners and not self._hurried[queue]
        at_ms, woken_ms = queue.next_visible_ms(), self._woken_ms.get((queue, recurring))
        if at_ms is not None and (woken_ms is None or at_ms < woken_ms):
            self._woken_ms[queue, recurring] = at_ms
            self._aws.at(
                at_ms,
                partial(self._wake, queue, recurring, at_ms),
                partial(self._is_wanted, queue, recurring, at_ms),
                recurring=recurring,
            )

    def _is_wanted(self, queue: Queue, recurring: bool, at_ms: int) -> bool:
        """An entry of the agenda that is not wanted is dropped. One that comes too early is kept,
        for it makes the next one."""
        heard = queue.arn in self._listeners or queue in self._polls
        if heard and queue.next_visible_ms() is not None:
            return True
        self._no_wake(queue, recurring, at_ms)
        return False

    def _no_wake(self, queue: Queue, recurring: bool, at_ms: int) -> None:
        if self._woken_ms.get((queue, recurring)) == at_ms:
            del self._woken_ms[queue, recurring]

    def _wake(self, queue: Queue, recurring: bool, at_ms: int) -> None:
        self._no_wake(queue, recurring, at_ms)
        queue.settle(self._aws.now_ms)
        self.look_at(queue)
        self.hidden(queue)
