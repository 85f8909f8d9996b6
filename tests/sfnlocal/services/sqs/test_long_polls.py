"""Long polling in virtual time, and who is told that there is something to receive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.services.functions import FunctionHost
from tests.sfnlocal.services.conftest import (
    NOW_MS,
    QUEUE_ARN,
    QUEUE_URL,
    Functions,
    make_app,
    queue,
)
from tests.sfnlocal.services.sqs.conftest import Make, World

URL = QUEUE_URL + "q"


def passed(world: World) -> float:
    return (world.session.now_ms - world.session.start_ms) / 1000


def test_a_receiver_waits_until_its_virtual_deadline(world: World) -> None:
    assert world.receive("q", WaitTimeSeconds=20) == []
    assert passed(world) == 20


def test_the_queue_may_say_how_long_a_receiver_waits(make: Make) -> None:
    world = make(queue("q", ReceiveMessageWaitTimeSeconds=7))
    assert world.receive("q") == []
    assert passed(world) == 7
    assert world.receive("q", WaitTimeSeconds=0) == []
    assert passed(world) == 7


def test_what_is_there_is_answered_at_once(world: World) -> None:
    world.send("q", "a")
    assert world.bodies("q", WaitTimeSeconds=20) == ["a"]
    assert passed(world) == 0


@pytest.mark.parametrize("name", ["q", "q.fifo"])
def test_a_receiver_is_answered_when_a_message_is_sent(world: World, name: str) -> None:
    more = {"MessageGroupId": "g"} if name == "q.fifo" else {}

    def send() -> None:
        world.send(name, "a", **more)

    world.session.at(world.session.now_ms + 3_000, send)
    assert world.bodies(name, WaitTimeSeconds=20) == ["a"]
    assert passed(world) == 3


def test_a_receiver_is_answered_when_a_delay_or_a_visibility_time_out_ends(world: World) -> None:
    world.send("q", "a", DelaySeconds=4)
    assert world.bodies("q", WaitTimeSeconds=20, VisibilityTimeout=6) == ["a"]
    assert passed(world) == 4
    assert world.bodies("q", WaitTimeSeconds=5) == []
    assert passed(world) == 9
    assert world.bodies("q", WaitTimeSeconds=5) == ["a"]
    assert passed(world) == 10


def test_a_receiver_is_answered_when_its_group_opens(world: World) -> None:
    for body in ("a", "b"):
        world.send("q.fifo", body, MessageGroupId="g")
    [first] = world.receive("q.fifo", MaxNumberOfMessages=1)
    world.session.at(world.session.now_ms + 2_000, lambda: world.delete("q.fifo", first))
    assert world.bodies("q.fifo", WaitTimeSeconds=20) == ["b"]
    assert passed(world) == 2


def begun(world: World, seconds: int) -> Future[dict[str, Any]]:
    params = {"QueueUrl": URL, "WaitTimeSeconds": seconds}
    answer = world.session.aws.begin("sqs", "ReceiveMessage", params)
    assert isinstance(answer, Future)
    return answer


def test_receivers_are_answered_in_the_order_in_which_they_came(world: World) -> None:
    first, gone, second, third = (begun(world, 20) for _ in range(4))
    gone.cancel()
    world.send("q", "a")
    world.send("q", "b")
    assert [one.result()["Messages"][0]["Body"] for one in (first, second)] == ["a", "b"]
    assert not third.done()
    world.wait(20)
    assert third.result() == {}


def test_virtual_time_does_not_go_on_for_a_receiver_elsewhere(world: World) -> None:
    world.send("q", "a", DelaySeconds=10)
    waits = begun(world, 20)
    world.session.run_until_idle()
    assert passed(world) == 0
    world.wait(10)
    assert waits.result()["Messages"][0]["Body"] == "a"


def test_a_receiver_of_a_deleted_queue_gets_nothing(world: World) -> None:
    waits = begun(world, 20)
    world.call("DeleteQueue", QueueUrl=URL)
    world.wait(20)
    assert waits.result() == {}


@pytest.mark.parametrize(
    ("delay", "expected"), [(None, (20, None)), (5, (5, "a")), (30, (20, None))]
)
def test_inside_a_handler_its_own_clock_moves(
    functions: Functions,
    host: Callable[..., FunctionHost],
    delay: int | None,
    expected: tuple[int, str | None],
) -> None:
    functions.add(
        "f",
        "import boto3, time\n"
        "def handler(event, context):\n"
        "    began = time.time()\n"
        "    answer = boto3.client('sqs').receive_message(QueueUrl=event, WaitTimeSeconds=20)\n"
        "    bodies = [one['Body'] for one in answer.get('Messages', [])]\n"
        "    return [time.time() - began, *bodies]",
        timeout_seconds=60,
    )
    with Session(make_app(queue("q")), functions=host()) as session:
        if delay is not None:
            World(session).send("q", "a", DelaySeconds=delay)
        answer = session.functions.invoke("f", URL, now_ms=session.now_ms)
        assert tuple([*answer.payload, None][:2]) == expected
        assert answer.elapsed_ms == expected[0] * 1000
        assert session.now_ms == NOW_MS


@pytest.mark.parametrize(("name", "value"), [("WaitTimeSeconds", 21), ("VisibilityTimeout", 43201)])
def test_receives_that_sqs_refuses(world: World, name: str, value: int) -> None:
    with pytest.raises(ApiError, match=f"Value {value} for parameter {name} is invalid"):
        world.receive("q", **{name: value})


# Listeners


def test_a_listener_is_told_when_a_message_is_or_becomes_visible(world: World) -> None:
    told: list[float] = []
    world.queues.on_visible(QUEUE_ARN + "q", lambda: told.append(passed(world)))
    world.send("q", "a")
    world.send("q", "b")
    world.send("q", "c", DelaySeconds=5)
    world.wait(1)
    assert told == [0]
    world.receive("q", MaxNumberOfMessages=2)
    world.wait(60)
    assert told == [0, 5, 31]


def test_a_listener_hears_of_what_is_there_already(world: World) -> None:
    told: list[float] = []
    world.send("q", "a")
    world.send("q.fifo", "b", MessageGroupId="g")
    world.receive("q.fifo")
    for name in ("q", "q.fifo", "later"):
        world.queues.on_visible(QUEUE_ARN + name, lambda: told.append(passed(world)))
    world.wait(60)
    assert told == [0, 30]
    world.create("later")
    world.send("later", "c")
    world.wait(0)
    assert told == [0, 30, 60]


def test_nothing_waits_for_messages_that_were_deleted(world: World) -> None:
    world.queues.on_visible(QUEUE_ARN + "q", lambda: None)
    world.send("q", "a")
    [message] = world.receive("q")
    world.delete("q", message)
    world.session.run_until_idle()
    assert passed(world) == 0
    world.send("q", "b")
    world.receive("q", VisibilityTimeout=9)
    world.session.run_until_idle()
    assert passed(world) == 9


def test_a_listener_of_a_dead_letter_queue_hears_of_letters(make: Make) -> None:
    policy = {"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": 1}
    world = make(queue("q", RedrivePolicy=policy), queue("dead"))
    told: list[float] = []
    world.queues.on_visible(QUEUE_ARN + "dead", lambda: told.append(passed(world)))

    def receive() -> None:
        world.receive("q")

    world.queues.on_visible(QUEUE_ARN + "q", receive)
    world.send("q", "a")
    world.session.run_until_idle()
    assert told == [30]
