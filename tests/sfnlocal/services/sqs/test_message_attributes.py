"""What SQS checks of messages, and the MD5s that SDKs compare."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from sfnlocal.errors import ApiError
from tests.sfnlocal.services.sqs.conftest import World

TEXT = {"DataType": "String", "StringValue": "value"}


def test_the_md5s_are_of_the_body_and_of_the_attributes_in_order(world: World) -> None:
    attributes = {
        "b": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        "a": {"DataType": "Number.int", "StringValue": "1"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = world.send("q", "ä", MessageAttributes=attributes, MessageSystemAttributes=trace)
    text = (
        b"\0\0\0\x01a\0\0\0\x0aNumber.int\x01\0\0\0\x011"
        b"\0\0\0\x01b\0\0\0\x06Binary\x02\0\0\0\x02\x00\x01"
    )
    system = b"\0\0\0\x0eAWSTraceHeader\0\0\0\x06String\x01\0\0\0\x06Root=1"
    expected = [
        hashlib.md5(data, usedforsecurity=False).hexdigest()
        for data in ("ä".encode(), text, system)
    ]
    names = ("MD5OfMessageBody", "MD5OfMessageAttributes", "MD5OfMessageSystemAttributes")
    assert [sent[name] for name in names] == expected
    [message] = world.receive("q", MessageAttributeNames=["All"], AttributeNames=["All"])
    assert (message["MD5OfBody"], message["MD5OfMessageAttributes"]) == tuple(expected[:2])
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["All"], ["order.id", "order.kind", "other"]),
        ([".*"], ["order.id", "order.kind", "other"]),
        (["order.*"], ["order.id", "order.kind"]),
        (["other", "none"], ["other"]),
        (["none"], []),
        ([], []),
    ],
)
def test_a_receiver_gets_the_attributes_that_it_names(
    world: World, names: list[str], found: list[str]
) -> None:
    attributes = dict.fromkeys(("order.id", "order.kind", "other"), TEXT)
    whole = world.send("q", "x", MessageAttributes=attributes)["MD5OfMessageAttributes"]
    [message] = world.receive("q", MessageAttributeNames=names)
    assert sorted(message.get("MessageAttributes", {})) == found
    assert ("MD5OfMessageAttributes" in message) == bool(found)
    assert (message.get("MD5OfMessageAttributes") == whole) == (len(found) == 3)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["SentTimestamp"], ["SentTimestamp"]),
        (["MessageGroupId"], []),
        (
            ["All"],
            [
                "ApproximateFirstReceiveTimestamp",
                "ApproximateReceiveCount",
                "SenderId",
                "SentTimestamp",
            ],
        ),
    ],
)
def test_system_attributes_are_given_where_asked_for(
    world: World, names: list[str], found: list[str]
) -> None:
    world.send("q", "x")
    [message] = world.receive("q", MessageSystemAttributeNames=names)
    assert sorted(message.get("Attributes", {})) == found


def test_an_unknown_system_attribute_is_refused(world: World) -> None:
    with pytest.raises(ApiError, match="Unknown Attribute Colour"):
        world.receive("q", AttributeNames=["Colour"])


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"AWS.x": TEXT}, "name 'AWS.x' is invalid"),
    ({".x": TEXT}, "name '.x' is invalid"),
    ({"x.": TEXT}, "name 'x.' is invalid"),
    ({"a..b": TEXT}, "name 'a..b' is invalid"),
    ({"a b": TEXT}, "name 'a b' is invalid"),
    ({"a": {"DataType": "", "StringValue": "x"}}, "non-empty message attribute type"),
    ({"a": {"DataType": "Date", "StringValue": "x"}}, "type prefixes: Binary, Number, String"),
    ({"a": {"DataType": "String", "StringValue": ""}}, "non-empty value"),
    ({"a": {"DataType": "Binary", "StringValue": "x"}}, "non-empty value"),
    ({"a": {"DataType": "Number", "StringValue": "many"}}, "to a number"),
    ({str(number): TEXT for number in range(11)}, r"\[11\] exceeds the allowed maximum \[10\]"),
]


@pytest.mark.parametrize(("attributes", "words"), INVALID)
def test_message_attributes_that_sqs_refuses(
    world: World, attributes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        world.send("q", "x", MessageAttributes=attributes)
    assert caught.value.aws_code == "InvalidParameterValue"
    assert world.receive("q") == []


@pytest.mark.parametrize(
    "attributes",
    [{"Other": TEXT}, {"AWSTraceHeader": {"DataType": "Number", "StringValue": "1"}}],
)
def test_only_a_trace_header_can_be_sent_as_a_system_attribute(
    world: World, attributes: dict[str, Any]
) -> None:
    with pytest.raises(ApiError, match="essage system attribute"):
        world.send("q", "x", MessageSystemAttributes=attributes)


@pytest.mark.parametrize("number", ["0", "-1.5", "+3", "1e10", ".5", "2."])
def test_numbers_are_any_numbers(world: World, number: str) -> None:
    attribute = {"DataType": "Number", "StringValue": number}
    assert world.send("q", "x", MessageAttributes={"n": attribute})["MessageId"]


def test_attributes_count_as_part_of_the_messages_size(world: World) -> None:
    large = "x" * (1_048_576 - len("aString") - 5)
    assert world.send("q", large, MessageAttributes={"a": TEXT})["MessageId"]
    with pytest.raises(ApiError, match="must be shorter than 1048576 bytes"):
        world.send("q", large + "x", MessageAttributes={"a": TEXT})


@pytest.mark.parametrize("body", ["\x00", "\x0b", "\ufffe", "\ud800"])
def test_characters_that_no_message_may_have(world: World, body: str) -> None:
    with pytest.raises(ApiError) as caught:
        world.send("q", body)
    assert caught.value.aws_code == "InvalidMessageContents"


def test_other_characters_are_kept(world: World) -> None:
    body = "\t\n\r ä\ud7ff\ue000\ufffd\U0001f600"
    world.send("q", body)
    assert world.bodies("q") == [body]
