"""Topics: who gets what is published, and in which form.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.template import load_app

HERE = "us-east-1:123456789012"
TOPIC = f"arn:aws:sns:{HERE}:news"
QUEUE = f"arn:aws:sqs:{HERE}:inbox"
FUNCTION = f"arn:aws:lambda:{HERE}:function:reader"

READER = """
import json, boto3
def handler(event, context):
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/seen"
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))
"""

Start = Callable[..., Session]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a session of a template with a topic, a queue and a function that keeps its events
    in the queue `seen`; `resources` come besides."""
    with ExitStack() as stack:

        def begin(**resources: Json) -> Session:
            template = {
                "Resources": {
                    "News": resource("SNS::Topic", TopicName="news"),
                    "Inbox": resource("SQS::Queue", QueueName="inbox"),
                    "Seen": resource("SQS::Queue", QueueName="seen"),
                    "Reader": resource(
                        "Lambda::Function",
                        FunctionName="reader",
                        Handler="index.handler",
                        Runtime="python3.14",
                        Code={"ZipFile": READER},
                        Role="arn:aws:iam::123456789012:role/r",
                    ),
                    **resources,
                }
            }
            path = tmp_path / "app.template.json"
            path.write_text(json.dumps(template))
            return stack.enter_context(Session(load_app(path)))

        yield begin


def resource(kind: str, **properties: Json) -> dict[str, Json]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def subscription(protocol: str = "sqs", endpoint: str = QUEUE, **more: Json) -> dict[str, Json]:
    return resource(
        "SNS::Subscription", TopicArn=TOPIC, Protocol=protocol, Endpoint=endpoint, **more
    )


def publish(session: Session, message: str = "hello", **params: Json) -> dict[str, Json]:
    return session.aws.call("sns", "Publish", {"TopicArn": TOPIC, "Message": message, **params})


def received(session: Session, queue: str = "inbox") -> list[dict[str, Any]]:
    session.run_until_idle()
    params = {
        "QueueUrl": f"https://sqs.us-east-1.amazonaws.com/123456789012/{queue}",
        "MaxNumberOfMessages": 10,
        "MessageAttributeNames": ["All"],
        "MessageSystemAttributeNames": ["All"],
    }
    messages: list[dict[str, Any]] = session.aws.call("sqs", "ReceiveMessage", params).get(
        "Messages", []
    )
    return messages


def text(value: str, data_type: str = "String") -> dict[str, str]:
    return {"DataType": data_type, "StringValue": value}


def test_a_queue_gets_the_message_in_an_envelope(start: Start) -> None:
    session = start(Sub=subscription())
    answer = publish(session, Subject="Greeting", MessageAttributes={"kind": text("order")})
    (message,) = received(session)
    envelope = json.loads(message["Body"])
    assert envelope.pop("UnsubscribeURL").startswith("https://sns.us-east-1.amazonaws.com/")
    assert envelope == {
        "Type": "Notification",
        "MessageId": answer["MessageId"],
        "TopicArn": TOPIC,
        "Subject": "Greeting",
        "Message": "hello",
        "Timestamp": "2026-01-01T00:00:00.000Z",
        "MessageAttributes": {"kind": {"Type": "String", "Value": "order"}},
    }
    assert "MessageAttributes" not in message


def test_raw_delivery_gives_the_text_and_the_attributes(start: Start) -> None:
    session = start(Sub=subscription(RawMessageDelivery=True))
    publish(session, MessageAttributes={"kind": text("order")})
    (message,) = received(session)
    assert message["Body"] == "hello"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "order"


def test_a_function_gets_a_record(start: Start) -> None:
    session = start(Sub=subscription("lambda", FUNCTION))
    answer = publish(session, MessageAttributes={"n": text("1", "Number")})
    (message,) = received(session, "seen")
    (record,) = json.loads(message["Body"])["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"].startswith(f"{TOPIC}:")
    notification = record["Sns"]
    assert (notification["MessageId"], notification["Message"], notification["Subject"]) == (
        answer["MessageId"],
        "hello",
        None,
    )
    assert notification["MessageAttributes"] == {"n": {"Type": "Number", "Value": "1"}}


def test_a_message_may_have_a_text_for_each_protocol(start: Start) -> None:
    session = start(Sub=subscription(RawMessageDelivery=True))
    texts = json.dumps({"default": "for all", "sqs": "for queues"})
    publish(session, texts, MessageStructure="json")
    assert [message["Body"] for message in received(session)] == ["for queues"]


ATTRIBUTES = {
    "kind": text("order"),
    "price": text("210.75", "Number"),
    "interests": text('["soccer","rugby"]', "String.Array"),
}


@pytest.mark.parametrize(
    ("policy", "accepted"),
    [
        ({"kind": ["order", "refund"]}, True),
        ({"kind": ["refund"]}, False),
        ({"kind": ["order"], "absent": ["x"]}, False),
        ({"kind": [{"anything-but": "refund"}]}, True),
        ({"kind": [{"prefix": "ord"}]}, True),
        ({"kind": [{"suffix": "er"}]}, True),
        ({"kind": [{"equals-ignore-case": "ORDER"}]}, True),
        ({"price": [{"numeric": [">=", 200, "<", 300]}]}, True),
        ({"price": [{"numeric": [">", 300]}]}, False),
        ({"price": [210.75]}, True),
        ({"interests": ["rugby", "golf"]}, True),
        ({"interests": ["golf"]}, False),
        ({"absent": [{"exists": False}]}, True),
        ({"kind": [{"exists": True}]}, True),
        ({"$or": [{"kind": ["refund"]}, {"price": [{"numeric": ["<", 300]}]}]}, True),
    ],
)
def test_a_filter_policy_looks_at_the_attributes(
    start: Start, policy: dict[str, Json], accepted: bool
) -> None:
    session = start(Sub=subscription(RawMessageDelivery=True, FilterPolicy=policy))
    publish(session, MessageAttributes=ATTRIBUTES)
    assert len(received(session)) == accepted


@pytest.mark.parametrize(
    ("message", "accepted"),
    [
        ('{"order":{"store":"example","lines":[{"sku":"mug"}]}}', True),
        ('{"order":{"store":"other"}}', False),
        ('["order"]', False),
        ("no json", False),
    ],
)
def test_a_filter_policy_may_look_at_the_body(start: Start, message: str, accepted: bool) -> None:
    policy = {"order": {"store": ["example"], "lines": {"sku": ["mug", "cup"]}}}
    session = start(
        Sub=subscription(
            RawMessageDelivery=True, FilterPolicy=policy, FilterPolicyScope="MessageBody"
        )
    )
    publish(session, message)
    assert len(received(session)) == accepted


def test_what_cannot_be_delivered_goes_to_the_subscriptions_dead_letter_queue(
    start: Start,
) -> None:
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:{HERE}:seen"}
    session = start(Sub=subscription(RawMessageDelivery=True, RedrivePolicy=policy))
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/inbox"
    session.aws.call("sqs", "DeleteQueue", {"QueueUrl": url})
    publish(session)
    assert [message["Body"] for message in received(session, "seen")] == ["hello"]
    assert [(entry.source_arn, entry.target_arn) for entry in session.aws.timeline] == [
        (TOPIC, QUEUE),
        (TOPIC, f"arn:aws:sqs:{HERE}:seen"),
    ]


def test_subscribers_outside_are_told_nothing_and_the_timeline_says_so(start: Start) -> None:
    session = start(Sub=subscription("email", "ops@example.com"))
    answer = publish(session)
    session.run_until_idle()
    (entry,) = session.aws.timeline
    assert (entry.target_arn, entry.why) == ("ops@example.com", f"message {answer['MessageId']}")
    assert entry.started == ""


FIFO = f"{TOPIC}.fifo"


def fifo_app(start: Start, **attributes: Json) -> Session:
    return start(
        Fifo=resource("SNS::Topic", TopicName="news.fifo", FifoTopic=True, **attributes),
        Ordered=resource("SQS::Queue", QueueName="ordered.fifo", FifoQueue=True),
        Sub=resource(
            "SNS::Subscription",
            TopicArn=FIFO,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{HERE}:ordered.fifo",
            RawMessageDelivery=True,
        ),
    )


def test_a_fifo_topic_takes_a_message_once_in_five_minutes(start: Start) -> None:
    session = fifo_app(start, ContentBasedDeduplication=True)
    params = {"TopicArn": FIFO, "MessageGroupId": "g"}
    first = publish(session, "a", **params)
    assert publish(session, "a", **params) == first
    second = publish(session, "b", **params)
    assert int(second["SequenceNumber"]) > int(first["SequenceNumber"])
    messages = received(session, "ordered.fifo")
    assert [message["Body"] for message in messages] == ["a", "b"]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"g"}
    session.advance(300_000)
    assert publish(session, "a", **params) != first


def test_a_batch_says_of_each_entry_what_became_of_it(start: Start) -> None:
    session = start(Sub=subscription(RawMessageDelivery=True))
    entries = [{"Id": "1", "Message": "a"}, {"Id": "2", "Message": ""}, {"Id": "3", "Message": "c"}]
    batch = {"TopicArn": TOPIC, "PublishBatchRequestEntries": entries}
    answer = session.aws.call("sns", "PublishBatch", batch)
    assert [entry["Id"] for entry in answer["Successful"]] == ["1", "3"]
    assert [(entry["Id"], entry["Message"]) for entry in answer["Failed"]] == [
        ("2", "Invalid parameter: Empty message")
    ]
    assert [message["Body"] for message in received(session)] == ["a", "c"]


TEN = [{"Id": str(number), "Message": "a"} for number in range(11)]


@pytest.mark.parametrize(
    ("operation", "params", "code", "message"),
    [
        ("Publish", {"TopicArn": f"{TOPIC}x", "Message": "a"}, "NotFound", "Topic does not exist"),
        ("Publish", {"Message": "a"}, "InvalidParameter", "TopicArn or TargetArn Reason"),
        ("Publish", {"TopicArn": TOPIC, "Message": ""}, "InvalidParameter", "Empty message"),
        (
            "Publish",
            {"TopicArn": TOPIC, "Message": "a" * 262_145},
            "InvalidParameter",
            "Message too long",
        ),
        ("Publish", {"TopicArn": TOPIC, "Message": "a", "Subject": "a\nb"}, "", "Subject"),
        (
            "Publish",
            {"TopicArn": TOPIC, "Message": "[]", "MessageStructure": "json"},
            "InvalidParameter",
            "failed to parse",
        ),
        (
            "Publish",
            {"TopicArn": TOPIC, "Message": "{}", "MessageStructure": "json"},
            "InvalidParameter",
            "No default entry",
        ),
        (
            "Publish",
            {"TopicArn": TOPIC, "Message": "a", "MessageAttributes": {"x": text("1", "Int")}},
            "InvalidParameter",
            "invalid message attribute type",
        ),
        ("Publish", {"TopicArn": TOPIC, "Message": "a", "MessageDeduplicationId": "1"}, "", "not"),
        ("Publish", {"TopicArn": FIFO, "Message": "a"}, "", "MessageGroupId parameter is required"),
        (
            "Publish",
            {"TopicArn": FIFO, "Message": "a", "MessageGroupId": "g"},
            "InvalidParameter",
            "should either have ContentBasedDeduplication",
        ),
        (
            "PublishBatch",
            {"TopicArn": TOPIC, "PublishBatchRequestEntries": []},
            "EmptyBatchRequest",
            "",
        ),
        (
            "PublishBatch",
            {"TopicArn": TOPIC, "PublishBatchRequestEntries": TEN},
            "TooManyEntriesInBatchRequest",
            "",
        ),
        (
            "PublishBatch",
            {"TopicArn": TOPIC, "PublishBatchRequestEntries": [TEN[0], TEN[0]]},
            "BatchEntryIdsNotDistinct",
            "",
        ),
        ("CreateTopic", {"Name": "a b"}, "InvalidParameter", "Topic Name"),
        (
            "CreateTopic",
            {"Name": "a", "Attributes": {"FifoTopic": "true"}},
            "InvalidParameter",
            "must end with .fifo",
        ),
        (
            "CreateTopic",
            {"Name": "news", "Attributes": {"DisplayName": "x"}},
            "InvalidParameter",
            "already exists with different attributes",
        ),
        ("CreateTopic", {"Name": "a", "Attributes": {"Colour": "red"}}, "", "AttributeName"),
        ("SetTopicAttributes", {"TopicArn": TOPIC, "AttributeName": "x"}, "", "AttributeName"),
        (
            "SetTopicAttributes",
            {"TopicArn": TOPIC, "AttributeName": "Policy", "AttributeValue": "["},
            "InvalidParameter",
            "no JSON object",
        ),
        (
            "Subscribe",
            {"TopicArn": TOPIC, "Protocol": "pigeon", "Endpoint": "x"},
            "InvalidParameter",
            "does not support this protocol",
        ),
        (
            "Subscribe",
            {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": FUNCTION},
            "InvalidParameter",
            "SQS endpoint ARN",
        ),
        (
            "Subscribe",
            {"TopicArn": FIFO, "Protocol": "email", "Endpoint": "a@b.c"},
            "InvalidParameter",
            "Invalid protocol type",
        ),
        ("GetSubscriptionAttributes", {"SubscriptionArn": f"{TOPIC}:x"}, "NotFound", "not exist"),
        ("ListTagsForResource", {"ResourceArn": "arn:x"}, "ResourceNotFound", ""),
        ("ListTopics", {"NextToken": "x"}, "InvalidParameter", "NextToken"),
    ],
)
def test_what_aws_refuses_is_refused_in_its_words(
    start: Start, operation: str, params: Mapping[str, Json], code: str, message: str
) -> None:
    session = fifo_app(start)
    with pytest.raises(ApiError) as error:
        session.aws.call("sns", operation, dict(params))
    assert error.value.aws_code == (code or "InvalidParameter")
    assert message in error.value.message


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"FilterPolicy": '{"a":[{"near":1}]}'}, "FilterPolicy: "),
        ({"FilterPolicy": '{"a":{"b":["c"]}}'}, "does not support nested filter policy"),
        (
            {"FilterPolicy": json.dumps({str(number): ["x"] for number in range(6)})},
            "can not have more than 5 keys",
        ),
        ({"FilterPolicyScope": "Subject"}, "FilterPolicyScope"),
        ({"RawMessageDelivery": "yes"}, "RawMessageDelivery"),
        ({"RedrivePolicy": '{"deadLetterTargetArn":"arn:aws:s3:::b"}'}, "deadLetterTargetArn"),
        ({"Colour": "red"}, "AttributeName"),
    ],
)
def test_a_subscription_that_aws_refuses_is_not_made(
    start: Start, attributes: dict[str, str], message: str
) -> None:
    session = start()
    params = {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": QUEUE, "Attributes": attributes}
    with pytest.raises(ApiError) as error:
        session.aws.call("sns", "Subscribe", params)
    assert message in error.value.message
    assert session.aws.call("sns", "ListSubscriptions", {})["Subscriptions"] == []


def test_a_subscription_of_the_template_names_its_resource_when_it_is_refused(
    start: Start,
) -> None:
    with pytest.raises(InputError, match="Resources/Sub: its target does not exist"):
        start(Sub=subscription(endpoint=f"{QUEUE}-absent"))
    with pytest.raises(InputError, match="Resources/Sub: Invalid parameter: FilterPolicy"):
        start(Sub=subscription(FilterPolicy={"a": "b"}))


def test_topics_and_subscriptions_are_made_changed_and_deleted_through_the_api(
    start: Start,
) -> None:
    session = start(
        Policy=resource(
            "SNS::TopicPolicy", Topics=[TOPIC], PolicyDocument={"Version": "1", "Statement": []}
        )
    )

    def call(operation: str, **params: Json) -> dict[str, Json]:
        return session.aws.call("sns", operation, params)

    arn = call("CreateTopic", Name="more", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    assert call("CreateTopic", Name="more")["TopicArn"] == arn
    assert {"TopicArn": arn} in call("ListTopics")["Topics"]
    call("TagResource", ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    call("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert call("ListTagsForResource", ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    call("SetTopicAttributes", TopicArn=arn, AttributeName="DisplayName", AttributeValue="More")
    assert call("GetTopicAttributes", TopicArn=arn)["Attributes"]["DisplayName"] == "More"
    policy = call("GetTopicAttributes", TopicArn=TOPIC)["Attributes"]["Policy"]
    assert json.loads(policy) == {"Version": "1", "Statement": []}
    allowed = {"AWSAccountId": ["111122223333"], "ActionName": ["Publish"]}
    call("AddPermission", TopicArn=arn, Label="them", **allowed)
    statements = json.loads(call("GetTopicAttributes", TopicArn=arn)["Attributes"]["Policy"])
    assert statements["Statement"][-1]["Principal"] == {"AWS": ["arn:aws:iam::111122223333:root"]}
    with pytest.raises(ApiError, match="Statement already exists"):
        call("AddPermission", TopicArn=arn, Label="them", **allowed)
    call("RemovePermission", TopicArn=arn, Label="them")
    attributes = call("GetTopicAttributes", TopicArn=arn)["Attributes"]
    assert [one["Sid"] for one in json.loads(attributes["Policy"])["Statement"]] == [
        "__default_statement_ID"
    ]

    made = call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    again = call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    assert made == again
    waiting = call("Subscribe", TopicArn=arn, Protocol="email", Endpoint="a@b.c")
    assert waiting == {"SubscriptionArn": "pending confirmation"}
    raw = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    call("SetSubscriptionAttributes", SubscriptionArn=made, **raw)
    described = call("GetSubscriptionAttributes", SubscriptionArn=made)["Attributes"]
    assert (described["RawMessageDelivery"], described["Endpoint"]) == ("true", QUEUE)
    listed = call("ListSubscriptionsByTopic", TopicArn=arn)["Subscriptions"]
    assert [one["Protocol"] for one in listed] == ["sqs", "email"]
    call("Unsubscribe", SubscriptionArn=made)
    assert len(call("ListSubscriptionsByTopic", TopicArn=arn)["Subscriptions"]) == 1
    call("DeleteTopic", TopicArn=arn)
    with pytest.raises(ApiError, match="Topic does not exist"):
        call("GetTopicAttributes", TopicArn=arn)


def test_an_sms_is_taken_and_noted(start: Start) -> None:
    session = start()
    params = {"PhoneNumber": "+4915100000000", "Message": "hi"}
    answer = session.aws.call("sns", "Publish", params)
    (entry,) = session.aws.timeline
    assert (entry.target_arn, entry.started) == (params["PhoneNumber"], answer["MessageId"])


def test_long_lists_come_in_pages(start: Start) -> None:
    session = start()
    for number in range(100):
        session.aws.call("sns", "CreateTopic", {"Name": f"t{number:03}"})
    page = session.aws.call("sns", "ListTopics", {})
    rest = session.aws.call("sns", "ListTopics", {"NextToken": page["NextToken"]})
    assert (len(page["Topics"]), len(rest["Topics"]), "NextToken" in rest) == (100, 1, False)


def test_other_operations_are_refused_by_name(start: Start) -> None:
    with pytest.raises(UnsupportedError, match="sns:CreatePlatformApplication is not simulated"):
        start().aws.call("sns", "CreatePlatformApplication", {})
