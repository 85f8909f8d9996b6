"""FIFO queues: groups, deduplication, repeated receive attempts."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.errors import ApiError
from tests.sfnlocal.services.conftest import queue
from tests.sfnlocal.services.sqs.conftest import Make, World


def send(world: World, body: str, group: str = "g", **more: Any) -> dict[str, Any]:
    return world.send("q.fifo", body, MessageGroupId=group, **more)


def test_a_group_is_closed_while_one_of_its_messages_is_in_flight(world: World) -> None:
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        send(world, body, group)
    [first] = world.receive("q.fifo", MaxNumberOfMessages=1)
    assert first["Body"] == "a1"
    assert world.bodies("q.fifo") == ["b1"]
    world.delete("q.fifo", first)
    assert world.bodies("q.fifo") == ["a2"]


def test_a_receive_gets_as_many_as_possible_of_one_group(world: World) -> None:
    for number in range(4):
        send(world, f"a{number}", "a")
        send(world, f"b{number}", "b")
    assert world.bodies("q.fifo", MaxNumberOfMessages=5) == ["a0", "a1", "a2", "a3", "b0"]


def test_what_comes_back_comes_before_what_was_behind_it(world: World) -> None:
    for body in ("1", "2", "3"):
        send(world, body)
    got = world.receive("q.fifo", MaxNumberOfMessages=2)
    world.delete("q.fifo", got[1])
    assert world.bodies("q.fifo") == []
    world.wait(30)
    assert world.bodies("q.fifo") == ["1", "3"]


def test_the_same_content_within_five_minutes_is_one_message(world: World) -> None:
    first, second = send(world, "a"), send(world, "a")
    assert (first["MessageId"], first["SequenceNumber"]) == (
        second["MessageId"],
        second["SequenceNumber"],
    )
    assert world.bodies("q.fifo", VisibilityTimeout=0) == ["a"]
    world.wait(299.999)
    send(world, "a")
    assert world.bodies("q.fifo", VisibilityTimeout=0) == ["a"]
    world.wait(0.001)
    send(world, "a")
    assert world.bodies("q.fifo") == ["a", "a"]


def test_a_message_that_was_deleted_is_still_not_sent_again(world: World) -> None:
    send(world, "a")
    [message] = world.receive("q.fifo")
    world.delete("q.fifo", message)
    send(world, "a")
    assert world.receive("q.fifo") == []


def test_an_id_counts_instead_of_the_content(world: World) -> None:
    send(world, "a", MessageDeduplicationId="1")
    send(world, "b", MessageDeduplicationId="1")
    send(world, "a", MessageDeduplicationId="2")
    assert world.bodies("q.fifo") == ["a", "a"]


def test_duplicates_are_looked_for_in_the_queue_or_in_the_group(make: Make) -> None:
    high = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    world = make(queue("q.fifo", FifoQueue=True, **high), queue("plain.fifo", FifoQueue=True))
    found = []
    for name in ("q.fifo", "plain.fifo"):
        for group in ("a", "b"):
            world.send(name, group, MessageGroupId=group, MessageDeduplicationId="1")
        found.append(world.bodies(name))
    assert found == [["a", "b"], ["a"]]


def test_sequence_numbers_have_twenty_digits_and_grow(world: World) -> None:
    numbers = [send(world, str(number))["SequenceNumber"] for number in range(20)]
    assert numbers == sorted(set(numbers))
    assert {len(number) for number in numbers} == {20}
    received = world.receive("q.fifo", MessageSystemAttributeNames=["SequenceNumber"])
    assert [one["Attributes"]["SequenceNumber"] for one in received] == numbers[:10]


def test_the_same_receive_attempt_gets_the_same_messages_hidden_anew(world: World) -> None:
    send(world, "a")
    [first] = world.receive("q.fifo", ReceiveRequestAttemptId="1")
    world.wait(20)
    assert world.receive("q.fifo", ReceiveRequestAttemptId="1") == [first]
    world.wait(20)
    assert world.receive("q.fifo", ReceiveRequestAttemptId="2") == []
    world.delete("q.fifo", first)
    assert world.receive("q.fifo", ReceiveRequestAttemptId="1") == []


def test_a_receive_attempt_is_forgotten_after_five_minutes(make: Make) -> None:
    world = make(queue("q.fifo", FifoQueue=True, ContentBasedDeduplication=True))
    send(world, "a")
    [first] = world.receive("q.fifo", ReceiveRequestAttemptId="1", VisibilityTimeout=600)
    world.wait(300)
    assert world.receive("q.fifo", ReceiveRequestAttemptId="1") == []
    world.wait(300)
    [second] = world.receive("q.fifo", ReceiveRequestAttemptId="1")
    assert second["ReceiptHandle"] != first["ReceiptHandle"]


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("q.fifo", {}, "MissingParameter"),
        ("q.fifo", {"MessageGroupId": "a b"}, "InvalidParameterValue"),
        ("q.fifo", {"MessageGroupId": "g", "MessageDeduplicationId": "é"}, "InvalidParameterValue"),
        ("plain.fifo", {"MessageGroupId": "g"}, "InvalidParameterValue"),
        ("q", {"MessageDeduplicationId": "1"}, "InvalidParameterValue"),
        ("q", {"MessageGroupId": "a b"}, "InvalidParameterValue"),
    ],
)
def test_ids_that_sqs_refuses(make: Make, name: str, more: dict[str, str], code: str) -> None:
    world = make(
        queue("q"),
        queue("plain.fifo", FifoQueue=True),
        queue("q.fifo", FifoQueue=True, ContentBasedDeduplication=True),
    )
    with pytest.raises(ApiError) as caught:
        world.send(name, "x", **more)
    assert caught.value.aws_code == code


def test_a_standard_queue_keeps_the_group_of_a_fair_queue(world: World) -> None:
    world.send("q", "a", MessageGroupId="tenant")
    [message] = world.receive("q", AttributeNames=["MessageGroupId"])
    assert message["Attributes"] == {"MessageGroupId": "tenant"}
