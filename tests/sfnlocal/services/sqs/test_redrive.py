"""Dead-letter queues, and message move tasks out of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfnlocal.errors import ApiError
from tests.sfnlocal.services.conftest import QUEUE_ARN, QUEUE_URL, queue
from tests.sfnlocal.services.sqs.conftest import Make, World

DAY = 86_400


def source(name: str = "q", count: int | str = 2, dead: str = "dead", **more: Any) -> Any:
    policy = {"deadLetterTargetArn": QUEUE_ARN + dead, "maxReceiveCount": count}
    return queue(name, RedrivePolicy=policy, **more)


def fail(world: World, name: str = "q", times: int = 3) -> None:
    """Receive without deleting, until the messages have gone."""
    for _ in range(times):
        world.receive(name, VisibilityTimeout=0)


@pytest.mark.parametrize("count", [2, "2"])
def test_a_message_is_received_so_often_and_then_moved(make: Make, count: int | str) -> None:
    world = make(source(count=count), queue("dead"))
    sent = world.send("q", "a")
    received = [world.bodies("q", VisibilityTimeout=0) for _ in range(3)]
    assert received == [["a"], ["a"], []]
    [letter] = world.receive("dead", AttributeNames=["All"])
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == QUEUE_ARN + "q"
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"


def test_a_dead_letter_keeps_its_age_in_a_standard_queue(make: Make) -> None:
    world = make(source(MessageRetentionPeriod=4 * DAY), queue("dead", MessageRetentionPeriod=DAY))
    world.send("q", "a")
    world.wait(DAY - 100)
    fail(world)
    assert world.queues.depth(QUEUE_ARN + "dead").visible == 1
    world.wait(100)
    assert world.queues.depth(QUEUE_ARN + "dead").visible == 0


def test_a_dead_letter_is_new_in_a_fifo_queue(make: Make) -> None:
    world = make(
        source("q.fifo", dead="dead.fifo", FifoQueue=True),
        queue("dead.fifo", FifoQueue=True, MessageRetentionPeriod=DAY),
    )
    sent = world.send("q.fifo", "a", MessageGroupId="g", MessageDeduplicationId="1")
    world.wait(DAY - 100)
    fail(world, "q.fifo")
    world.wait(DAY - 1)
    [letter] = world.receive("dead.fifo", AttributeNames=["All"], VisibilityTimeout=0)
    assert letter["Attributes"]["MessageDeduplicationId"] == sent["MessageId"]
    assert letter["Attributes"]["MessageGroupId"] == "g"
    world.wait(1)
    assert world.receive("dead.fifo") == []


def test_without_its_dead_letter_queue_a_queue_keeps_its_messages(make: Make) -> None:
    world = make(source(), queue("dead"))
    world.call("DeleteQueue", QueueUrl=QUEUE_URL + "dead")
    world.send("q", "a")
    fail(world)
    assert world.bodies("q") == ["a"]


def test_the_queues_of_a_dead_letter_queue_are_listed(make: Make) -> None:
    world = make(source("q"), source("r"), queue("dead"))
    urls = [QUEUE_URL + "q", QUEUE_URL + "r"]
    answer = world.call("ListDeadLetterSourceQueues", QueueUrl=QUEUE_URL + "dead")
    assert answer == {"queueUrls": urls}
    assert world.call("ListDeadLetterSourceQueues", QueueUrl=QUEUE_URL + "q") == {"queueUrls": []}


POLICIES = [
    ({"maxReceiveCount": 1}, "mandatory attribute: deadLetterTargetArn"),
    ({"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": 0}, "from 1 to 1000"),
    ({"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": "many"}, "from 1 to 1000"),
    ({"deadLetterTargetArn": QUEUE_ARN + "none", "maxReceiveCount": 1}, "does not exist"),
    ({"deadLetterTargetArn": QUEUE_ARN + "q.fifo", "maxReceiveCount": 1}, "same type of queue"),
    ({"deadLetterTargetArn": QUEUE_ARN + "shut", "maxReceiveCount": 1}, "denyAll"),
    ({"deadLetterTargetArn": QUEUE_ARN + "other", "maxReceiveCount": 1}, "byQueue"),
    ([], "not a valid JSON map"),
]


@pytest.mark.parametrize(("policy", "words"), POLICIES)
def test_redrive_policies_that_sqs_refuses(make: Make, policy: Any, words: str) -> None:
    by_queue = {"redrivePermission": "byQueue", "sourceQueueArns": [QUEUE_ARN + "r"]}
    world = make(
        queue("q"),
        queue("dead"),
        queue("q.fifo", FifoQueue=True),
        queue("shut", RedriveAllowPolicy={"redrivePermission": "denyAll"}),
        queue("other", RedriveAllowPolicy=by_queue),
        source("r", dead="other"),
    )
    attributes = {"RedrivePolicy": json.dumps(policy)}
    with pytest.raises(ApiError, match=words) as caught:
        world.call("SetQueueAttributes", QueueUrl=QUEUE_URL + "q", Attributes=attributes)
    assert caught.value.aws_code == "InvalidParameterValue"
    assert "RedrivePolicy" not in world.attributes("q")


@pytest.mark.parametrize(
    "policy",
    [
        {"redrivePermission": "some"},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "allowAll", "sourceQueueArns": [QUEUE_ARN + "q"]},
        {"redrivePermission": "byQueue", "sourceQueueArns": [QUEUE_ARN + "q"] * 11},
    ],
)
def test_redrive_allow_policies_that_sqs_refuses(world: World, policy: dict[str, Any]) -> None:
    attributes = {"RedriveAllowPolicy": json.dumps(policy)}
    with pytest.raises(ApiError, match="RedriveAllowPolicy"):
        world.call("SetQueueAttributes", QueueUrl=QUEUE_URL + "q", Attributes=attributes)


# Message move tasks


def tasks(world: World, count: int = 1) -> list[dict[str, Any]]:
    answer = world.call("ListMessageMoveTasks", SourceArn=QUEUE_ARN + "dead", MaxResults=count)
    found: list[dict[str, Any]] = answer["Results"]
    return found


def buried(make: Make, messages: int = 3, **more: Any) -> World:
    """Messages of `q` and one of `r` in the dead-letter queue."""
    world = make(source("q", 1, **more), source("r", 1), queue("dead"), queue("other"))
    for number in range(messages):
        world.send("q", str(number))
    world.send("r", "r")
    for name in ("q", "r"):
        for _ in range(messages // 10 + 2):
            fail(world, name, 2)
    return world


def test_dead_letters_go_back_to_their_own_queues_as_new_messages(make: Make) -> None:
    world = buried(make)
    before = {one.message_id for one in world.queues.peek(QUEUE_ARN + "dead")}
    world.wait(3600)
    world.call("StartMessageMoveTask", SourceArn=QUEUE_ARN + "dead")
    world.wait(0)
    back = world.receive("q", AttributeNames=["All"])
    assert [one["Body"] for one in back] == ["0", "1", "2"]
    assert world.bodies("r") == ["r"]
    assert before.isdisjoint(one["MessageId"] for one in back)
    assert back[0]["Attributes"]["ApproximateReceiveCount"] == "1"
    assert back[0]["Attributes"]["SentTimestamp"] == str(world.session.now_ms)
    [task] = tasks(world)
    assert "TaskHandle" not in task
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 4)


def test_a_destination_gets_them_all(make: Make) -> None:
    world = buried(make)
    other = QUEUE_ARN + "other"
    world.call("StartMessageMoveTask", SourceArn=QUEUE_ARN + "dead", DestinationArn=other)
    world.wait(0)
    assert sorted(world.bodies("other")) == ["0", "1", "2", "r"]
    assert tasks(world)[0]["DestinationArn"] == other


def test_a_rate_is_kept_and_a_task_can_be_cancelled(make: Make) -> None:
    world = buried(make, messages=25)
    started = world.call(
        "StartMessageMoveTask", SourceArn=QUEUE_ARN + "dead", MaxNumberOfMessagesPerSecond=5
    )
    with pytest.raises(ApiError, match="already a task running"):
        world.call("StartMessageMoveTask", SourceArn=QUEUE_ARN + "dead")
    world.wait(1)
    [task] = tasks(world)
    assert task == {
        "TaskHandle": started["TaskHandle"],
        "Status": "RUNNING",
        "SourceArn": QUEUE_ARN + "dead",
        "MaxNumberOfMessagesPerSecond": 5,
        "ApproximateNumberOfMessagesMoved": 10,
        "ApproximateNumberOfMessagesToMove": 26,
        "StartedTimestamp": world.session.now_ms - 1000,
    }
    cancelled = world.call("CancelMessageMoveTask", TaskHandle=started["TaskHandle"])
    assert cancelled == {"ApproximateNumberOfMessagesMoved": 10}
    world.wait(60)
    assert tasks(world)[0]["Status"] == "CANCELLED"
    assert world.queues.depth(QUEUE_ARN + "dead").visible == 16
    with pytest.raises(ApiError, match="Only active tasks"):
        world.call("CancelMessageMoveTask", TaskHandle=started["TaskHandle"])


def test_a_message_without_a_source_fails_the_task_and_stays(make: Make) -> None:
    world = buried(make, messages=0)
    world.send("dead", "sent directly")
    world.call("StartMessageMoveTask", SourceArn=QUEUE_ARN + "dead")
    world.wait(0)
    [task] = tasks(world)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert task["ApproximateNumberOfMessagesMoved"] == 1
    assert world.bodies("dead") == ["sent directly"]


def test_only_the_dead_letter_queue_of_a_queue_can_be_moved(make: Make) -> None:
    world = buried(make)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"SourceArn": QUEUE_ARN + "other"}, "must be configured as a Dead Letter Queue"),
        ({"SourceArn": QUEUE_ARN + "none"}, "SourceArn parameter doesn't exist"),
        ({"SourceArn": QUEUE_ARN + "dead", "DestinationArn": QUEUE_ARN + "none"}, "DestinationArn"),
        ({"SourceArn": QUEUE_ARN + "dead", "DestinationArn": QUEUE_ARN + "dead"}, "same"),
        ({"SourceArn": QUEUE_ARN + "dead", "MaxNumberOfMessagesPerSecond": 501}, "1 and 500"),
        ({}, "must contain the parameter SourceArn"),
    ]
    for params, words in refused:
        with pytest.raises(ApiError, match=words):
            world.call("StartMessageMoveTask", **params)
    assert tasks(world) == []
    with pytest.raises(ApiError, match="Task does not exist"):
        world.call("CancelMessageMoveTask", TaskHandle="none")


def test_the_last_ten_tasks_are_listed_the_newest_first(make: Make) -> None:
    world = buried(make)
    for _ in range(12):
        world.call("StartMessageMoveTask", SourceArn=QUEUE_ARN + "dead")
        world.wait(1)
    started = [task["StartedTimestamp"] for task in tasks(world, 10)]
    assert len(started) == 10
    assert started == sorted(started, reverse=True)
    with pytest.raises(ApiError, match="between 1 and 10"):
        tasks(world, 11)
