"""Whatever receivers do, no message is lost, none is doubled, and FIFO keeps its order."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from tests.sfnlocal.services.conftest import QUEUE_ARN, make_app, queue
from tests.sfnlocal.services.sqs.conftest import World

# What a late delete, a late change and a second move task are answered with.
_EXPECTED = ("InvalidParameterValue", "MessageNotInflight", "UnsupportedOperation")
SECONDS = st.sampled_from((0, 0, 1, 10, 30))
COUNTS = st.integers(1, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 1), SECONDS),
        st.tuples(st.just("send"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("receive"), COUNTS, SECONDS),
        st.tuples(st.just("receive"), st.just(10), SECONDS),
        st.tuples(st.just("delete"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("hide"), st.integers(0, 5), SECONDS),
        st.tuples(st.just("wait"), st.sampled_from((1, 10, 30)), st.just(0)),
        st.tuples(st.just("receive dead"), COUNTS, SECONDS),
        st.tuples(st.just("delete dead"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("move"), st.just(0), st.just(0)),
    ),
    min_size=15,
    max_size=60,
)


class Consumers:
    """Receive, delete and change visibility at random, with handles old and new."""

    def __init__(self, world: World, fifo: bool) -> None:
        self.world = world
        self.fifo = fifo
        self.suffix = ".fifo" if fifo else ""
        self.sent: list[str] = []
        self.deleted: Counter[str] = Counter()
        self.handles: dict[str, list[dict[str, Any]]] = {"q": [], "dead": []}

    def do(self, what: str, number: int, seconds: int) -> None:
        name = "dead" if what.endswith("dead") else "q"
        match what.partition(" ")[0]:
            case "send":
                self._send(number, seconds)
            case "receive":
                found = self.world.receive(
                    name + self.suffix, MaxNumberOfMessages=number, VisibilityTimeout=seconds
                )
                self.handles[name] += found
            case "delete" if number < len(self.handles[name]):
                self._delete(name, self.handles[name][-1 - number])
            case "hide" if number < len(self.handles[name]):
                self._try(
                    self.world.hide, name + self.suffix, self.handles[name][-1 - number], seconds
                )
            case "wait":
                self.world.wait(number)
            case "move":
                arn = QUEUE_ARN + "dead" + self.suffix
                self._try(self.world.call, "StartMessageMoveTask", SourceArn=arn)

    def _send(self, group: int, delay_seconds: int) -> None:
        body = str(len(self.sent))
        more: dict[str, Any] = {"DelaySeconds": delay_seconds}
        if self.fifo:
            more = {"MessageGroupId": str(group), "MessageDeduplicationId": body}
        self.world.send("q" + self.suffix, body, **more)
        self.sent.append(body)

    def _delete(self, name: str, message: dict[str, Any]) -> None:
        before = self.total()
        self._try(self.world.delete, name + self.suffix, message)
        if self.total() < before:
            self.deleted[message["Body"]] += 1

    def _try(self, act: Any, *args: Any, **more: Any) -> None:
        try:
            act(*args, **more)
        except ApiError as error:
            if error.aws_code not in _EXPECTED:
                raise

    def total(self) -> int:
        depths = [self.world.queues.depth(self.world.arn(n + self.suffix)) for n in ("q", "dead")]
        return sum(one.visible + one.in_flight + one.delayed for one in depths)

    def drain(self) -> Counter[str]:
        """What is left, when everything is visible again."""
        left: Counter[str] = Counter()
        self.world.wait(100)
        for name in ("dead", "q", "dead"):
            while found := self.world.receive(name + self.suffix):
                for message in found:
                    left[message["Body"]] += 1
                    self.world.delete(name + self.suffix, message)
        return left


def _play(steps: list[tuple[str, int, int]], fifo: bool) -> None:
    suffix = ".fifo" if fifo else ""
    kind = {"FifoQueue": True} if fifo else {}
    policy = {"deadLetterTargetArn": f"{QUEUE_ARN}dead{suffix}", "maxReceiveCount": 2}
    app = make_app(
        queue("q" + suffix, RedrivePolicy=policy, **kind), queue("dead" + suffix, **kind)
    )
    with Session(app) as session:
        consumers = Consumers(World(session), fifo)
        for what, number, seconds in steps:
            consumers.do(what, number, seconds)
        left = consumers.drain()
        assert left + consumers.deleted == Counter(consumers.sent)
        assert consumers.total() == 0


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_standard_queue_loses_and_doubles_nothing(steps: list[tuple[str, int, int]]) -> None:
    _play(steps, fifo=False)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_fifo_queue_loses_and_doubles_nothing(steps: list[tuple[str, int, int]]) -> None:
    _play(steps, fifo=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(1, 10), st.booleans(), st.integers(0, 40)), max_size=20),
)
def test_a_message_group_is_received_in_order(
    groups: list[int], receives: list[tuple[int, bool, int]]
) -> None:
    """A receiver sees a message only when all those before it, of its group, are deleted or come
    with it."""
    with Session(make_app(queue("q.fifo", FifoQueue=True))) as session:
        world = World(session)
        waiting: dict[str, list[str]] = {str(group): [] for group in range(3)}
        for number, group in enumerate(groups):
            body, key = str(number), str(group)
            world.send("q.fifo", body, MessageGroupId=key, MessageDeduplicationId=body)
            waiting[key].append(body)
        for count, delete, seconds in receives:
            got: dict[str, list[str]] = {}
            for message in world.receive(
                "q.fifo", MaxNumberOfMessages=count, AttributeNames=["MessageGroupId"]
            ):
                key = message["Attributes"]["MessageGroupId"]
                got.setdefault(key, []).append(message["Body"])
                if delete:
                    world.delete("q.fifo", message)
            for key, bodies in got.items():
                assert bodies == waiting[key][: len(bodies)]
                if delete:
                    del waiting[key][: len(bodies)]
            world.wait(seconds)
