"""Queues themselves: created, found, described, changed, tagged, deleted; and the API's edges."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.services.service_models import service_model
from tests.sfnlocal.services.conftest import ACCOUNT, NOW_MS, QUEUE_ARN, QUEUE_URL, queue
from tests.sfnlocal.services.sqs.conftest import Make, World

Q = QUEUE_URL + "q"


def test_no_operation_of_the_service_is_unknown(world: World) -> None:
    for operation in service_model("sqs").operation_names:
        with suppress(ApiError):
            world.call(operation)


def test_what_the_service_does_not_have_is_refused_by_name(world: World) -> None:
    with pytest.raises(UnsupportedError, match="sqs:SendMail is not simulated"):
        world.call("SendMail")


def test_a_new_queue_has_the_documented_defaults(world: World) -> None:
    world.create("new")
    assert world.attributes("new") == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "CreatedTimestamp": str(NOW_MS // 1000),
        "DelaySeconds": "0",
        "LastModifiedTimestamp": str(NOW_MS // 1000),
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": QUEUE_ARN + "new",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }
    fifo = world.attributes("q.fifo", "FifoQueue", "DeduplicationScope", "FifoThroughputLimit")
    assert fifo == {
        "FifoQueue": "true",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }


def test_the_messages_of_a_queue_are_counted(world: World) -> None:
    for delay in (0, 0, 0, 9):
        world.send("q", "x", DelaySeconds=delay)
    world.receive("q", MaxNumberOfMessages=2)
    names = ["ApproximateNumberOfMessages" + end for end in ("", "NotVisible", "Delayed")]
    assert world.attributes("q", *names) == dict(zip(names, ("1", "2", "1"), strict=True))
    world.wait(2)
    depth = world.queues.depth(Q)
    assert (depth.visible, depth.in_flight, depth.delayed, depth.oldest_age_ms) == (1, 2, 1, 2000)
    assert [one.body for one in world.queues.peek(Q)] == ["x"]


def test_creating_a_queue_again_finds_it(world: World) -> None:
    assert world.create("q") == world.create("q", VisibilityTimeout="30") == Q
    with pytest.raises(ApiError, match="different value for attribute VisibilityTimeout") as caught:
        world.create("q", VisibilityTimeout="31")
    assert (caught.value.aws_code, caught.value.query_code) == (
        "QueueNameExists",
        "QueueAlreadyExists",
    )


def test_the_name_of_a_deleted_queue_is_free_after_a_minute(world: World) -> None:
    world.send("q", "x")
    world.call("DeleteQueue", QueueUrl=Q)
    with pytest.raises(ApiError, match="does not exist") as caught:
        world.send("q", "x")
    assert caught.value.query_code == "AWS.SimpleQueueService.NonExistentQueue"
    world.wait(59)
    with pytest.raises(ApiError, match="60 seconds"):
        world.create("q")
    world.wait(1)
    world.create("q")
    assert world.receive("q") == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (Q, True),
        (f"http://localhost:8083/{ACCOUNT}/q", True),
        ("q", True),
        ("https://sqs.eu-west-1.amazonaws.com/111111111111/q", False),
        (f"{Q}2", False),
    ],
)
def test_a_queue_is_found_by_the_path_of_its_url(world: World, url: str, found: bool) -> None:
    if found:
        assert world.call("GetQueueAttributes", QueueUrl=url) == {}
    else:
        with pytest.raises(ApiError, match="does not exist"):
            world.call("GetQueueAttributes", QueueUrl=url)


def test_queues_are_listed_in_pages_where_asked_for(world: World) -> None:
    for number in range(5):
        world.create(f"p{number}")
    everything = world.call("ListQueues", QueueNamePrefix="p")["QueueUrls"]
    assert everything == [f"{QUEUE_URL}p{number}" for number in range(5)]
    pages: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = world.call("ListQueues", QueueNamePrefix="p", MaxResults=2, **token)
        pages.append(page["QueueUrls"])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == [everything[:2], everything[2:4], everything[4:]]
    assert world.call("ListQueues", QueueNamePrefix="none") == {}
    with pytest.raises(ApiError, match="next token"):
        world.call("ListQueues", NextToken="no")


def test_a_url_is_got_by_name(world: World) -> None:
    assert world.call("GetQueueUrl", QueueName="q") == {"QueueUrl": Q}
    for more in ({"QueueName": "none"}, {"QueueName": "q", "QueueOwnerAWSAccountId": "1"}):
        with pytest.raises(ApiError, match="does not exist"):
            world.call("GetQueueUrl", **more)


INVALID = [
    ("MaximumMessageSize", "1023", "InvalidAttributeValue"),
    ("MaximumMessageSize", "1048577", "InvalidAttributeValue"),
    ("VisibilityTimeout", "43201", "InvalidAttributeValue"),
    ("DelaySeconds", "-1", "InvalidAttributeValue"),
    ("MessageRetentionPeriod", "59", "InvalidAttributeValue"),
    ("ReceiveMessageWaitTimeSeconds", "21", "InvalidAttributeValue"),
    ("SqsManagedSseEnabled", "yes", "InvalidAttributeValue"),
    ("Policy", "no JSON", "InvalidAttributeValue"),
    ("FifoQueue", "true", "InvalidAttributeValue"),
    ("ContentBasedDeduplication", "true", "InvalidAttributeName"),
    ("QueueArn", "x", "InvalidAttributeName"),
    ("Colour", "red", "InvalidAttributeName"),
]


@pytest.mark.parametrize(("name", "value", "code"), INVALID)
def test_attributes_that_sqs_refuses(world: World, name: str, value: str, code: str) -> None:
    before = world.attributes("q")
    with pytest.raises(ApiError, match=name) as caught:
        world.call("SetQueueAttributes", QueueUrl=Q, Attributes={name: value})
    assert caught.value.aws_code == code
    assert world.attributes("q") == before


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"FifoThroughputLimit": "perMessageGroupId"}, "FifoThroughputLimit"),
        ({"DeduplicationScope": "topic"}, "DeduplicationScope"),
        ({"FifoQueue": "false"}, "FifoQueue"),
        ({"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}, "one type of server-side"),
    ],
)
def test_attributes_that_do_not_go_together(
    world: World, attributes: dict[str, str], words: str
) -> None:
    with pytest.raises(ApiError, match=words):
        world.call("SetQueueAttributes", QueueUrl=QUEUE_URL + "q.fifo", Attributes=attributes)


def test_an_empty_text_takes_an_attribute_away(world: World) -> None:
    world.wait(5)
    for value in (json.dumps({"Version": "2012-10-17"}), ""):
        world.call("SetQueueAttributes", QueueUrl=Q, Attributes={"Policy": value})
        assert world.attributes("q").get("Policy", "") == value
    assert world.attributes("q")["LastModifiedTimestamp"] == str(NOW_MS // 1000 + 5)


def test_a_queue_has_one_kind_of_encryption(world: World) -> None:
    def encryption() -> tuple[str | None, ...]:
        found = world.attributes("q")
        return found["SqsManagedSseEnabled"], found.get("KmsMasterKeyId")

    assert encryption() == ("true", None)
    world.call("SetQueueAttributes", QueueUrl=Q, Attributes={"KmsMasterKeyId": "alias/k"})
    assert encryption() == ("false", "alias/k")
    assert world.attributes("q")["KmsDataKeyReusePeriodSeconds"] == "300"
    world.call("SetQueueAttributes", QueueUrl=Q, Attributes={"SqsManagedSseEnabled": "true"})
    assert encryption() == ("true", None)


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("", {}),
        ("a b", {}),
        ("x" * 81, {}),
        ("q2.fifo", {}),
        ("q2", {"FifoQueue": "true"}),
    ],
)
def test_names_that_sqs_refuses(world: World, name: str, attributes: dict[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        world.create(name, **attributes)
    assert caught.value.aws_code in ("InvalidParameterValue", "MissingParameter")


def test_tags_are_added_changed_and_removed(world: World) -> None:
    world.call("CreateQueue", QueueName="t", tags={"a": "1"})
    url = QUEUE_URL + "t"
    world.call("TagQueue", QueueUrl=url, Tags={"a": "2", "b": "3"})
    assert world.call("ListQueueTags", QueueUrl=url) == {"Tags": {"a": "2", "b": "3"}}
    world.call("UntagQueue", QueueUrl=url, TagKeys=["a", "b", "c"])
    assert world.call("ListQueueTags", QueueUrl=url) == {}
    for tags in ({"aws:x": "1"}, {str(number): "" for number in range(51)}):
        with pytest.raises(ApiError):
            world.call("TagQueue", QueueUrl=url, Tags=tags)


def test_permissions_are_statements_of_the_policy(world: World) -> None:
    def add(label: str, actions: list[str], accounts: list[str]) -> None:
        world.call(
            "AddPermission", QueueUrl=Q, Label=label, Actions=actions, AWSAccountIds=accounts
        )

    add("one", ["SendMessage"], ["111111111111"])
    add("two", ["ReceiveMessage", "DeleteMessage"], ["111111111111", "222222222222"])
    statements = json.loads(world.attributes("q")["Policy"])["Statement"]
    assert statements[0] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "SQS:SendMessage",
        "Resource": QUEUE_ARN + "q",
    }
    assert statements[1]["Action"] == ["SQS:ReceiveMessage", "SQS:DeleteMessage"]
    for label, actions, accounts, words in (
        ("one", ["SendMessage"], ["1"], "Already exists"),
        ("three", ["Fly"], ["1"], "SQS:Fly"),
        ("three", ["SendMessage"] * 8, ["1"], "maximum allowed is 7"),
        ("three", ["SendMessage"], [], "AWSAccountIds"),
        ("a b", ["SendMessage"], ["1"], "Label"),
    ):
        with pytest.raises(ApiError, match=words):
            add(label, actions, accounts)
    world.call("RemovePermission", QueueUrl=Q, Label="one")
    world.call("RemovePermission", QueueUrl=Q, Label="two")
    assert "Policy" not in world.attributes("q")
    with pytest.raises(ApiError, match="can't find label"):
        world.call("RemovePermission", QueueUrl=Q, Label="two")


def test_ids_and_handles_follow_from_the_seed(make: Make) -> None:
    def ids(seed: int) -> tuple[str, str]:
        world = make(queue("q"), seed=seed)
        sent = world.send("q", "x")["MessageId"]
        return sent, world.receive("q")[0]["ReceiptHandle"]

    assert ids(1) == ids(1) != ids(2)


def test_the_handle_of_another_queue_is_invalid(world: World) -> None:
    world.send("q", "x")
    world.create("other")
    [message] = world.receive("q")
    with pytest.raises(ApiError) as caught:
        world.delete("other", message)
    assert caught.value.aws_code == "ReceiptHandleIsInvalid"


def test_a_standard_queue_has_120_000_messages_in_flight_at_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfnlocal.services.sqs.receiving.IN_FLIGHT_MAX", 2)
    for body in ("a", "b", "c"):
        world.send("q", body)
    world.receive("q", MaxNumberOfMessages=2)
    with pytest.raises(ApiError, match="Too many messages in flight"):
        world.receive("q")
    world.wait(30)
    assert world.bodies("q") == ["a", "b", "c"]


# Resources of a template


def test_a_template_that_sqs_refuses_is_told_with_its_place(make: Make) -> None:
    for properties, words in (
        ({"MaximumMessageSize": 1}, "MaximumMessageSize"),
        ({"RedrivePolicy": {"deadLetterTargetArn": QUEUE_ARN + "none"}}, "does not exist"),
        ({"FifoQueue": True}, "must end with .fifo"),
        ({"Colour": "red"}, "no property Colour"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            make(queue("q", **properties))
        assert caught.value.where == f"stack.json#/Resources/{QUEUE_URL}q"
        assert caught.value.hint


def test_properties_are_the_queues_attributes(make: Make) -> None:
    properties: dict[str, Any] = {
        "DelaySeconds": "5",
        "MessageRetentionPeriod": 1209600,
        "RedriveAllowPolicy": {"redrivePermission": "denyAll"},
        "SqsManagedSseEnabled": False,
        "FifoQueue": False,
        "QueueName": "q",
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    world = make(queue("q", **properties))
    found = world.attributes("q")
    assert found["DelaySeconds"] == "5"
    assert found["MessageRetentionPeriod"] == "1209600"
    assert json.loads(found["RedriveAllowPolicy"]) == {"redrivePermission": "denyAll"}
    assert found["SqsManagedSseEnabled"] == "false"
    assert "FifoQueue" not in found
    assert world.call("ListQueueTags", QueueUrl=Q) == {"Tags": {"team": "shop"}}


def test_an_app_with_queues_does_without_an_aws_sdk() -> None:
    program = """
import sys
from pathlib import Path
from sfnlocal.driver.session import Session
from sfnlocal.template.resources import App, Resource

arn, url = "arn:aws:sqs:eu-west-1:1:q", "https://sqs.eu-west-1.amazonaws.com/1/q"
queue = Resource("s", "q", "AWS::SQS::Queue", "s/q", url, arn, {"DelaySeconds": 5}, "s#/q")
with Session(App(Path(), "aws", "eu-west-1", "1", (queue,), (), (), {})) as session:
    session.aws.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "x"})
    session.aws.call("sqs", "ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 20})
    print(sorted({"boto3", "botocore.client", "moto"} & sys.modules.keys()), session.now_ms)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[]", str(NOW_MS + 5_000)]
