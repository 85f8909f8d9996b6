"""What is published, checked, and how each protocol gets it.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfnlocal.arns import parse_arn
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.timestamps import iso_time
from sfnlocal.triggers.targets import ApiCall, queue_url
from sfnlocal.triggers.topics.topic import Subscription, Topic, invalid

_BYTES_MAX = 262_144
_SUBJECT_CHARS_MAX = 100
_SUBJECT = re.compile(r"[ -~]+")
_DATA_TYPES = ("String", "Number", "Binary")


@dataclass(frozen=True, slots=True)
class Notification:
    """`texts` are the messages by protocol, `default` among them."""

    id: str
    texts: Mapping[str, str]
    at_ms: int
    subject: str | None = None
    attributes: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None

    def text(self, protocol: str) -> str:
        return self.texts.get(protocol, self.texts["default"])


def checked_texts(params: Mapping[str, Json]) -> dict[str, str]:
    """The texts by protocol. Raises ApiError for what Publish refuses of its message."""
    text = params.get("Message") or ""
    if not text:
        raise invalid("Empty message")
    attributes = params.get("MessageAttributes", {})
    sizes = (
        len(_bytes(one)) + len(name) + len(one["DataType"]) for name, one in attributes.items()
    )
    if len(text.encode()) + sum(sizes) > _BYTES_MAX:
        raise invalid("Message too long")
    subject = params.get("Subject")
    if subject is not None and not (
        len(subject) <= _SUBJECT_CHARS_MAX and _SUBJECT.fullmatch(subject)
    ):
        raise invalid("Subject")
    for name, one in attributes.items():
        if one["DataType"].partition(".")[0] not in _DATA_TYPES:
            raise invalid(
                f"The message attribute '{name}' has an invalid message attribute type, the set of "
                "supported type prefixes is Binary, Number, and String."
            )
    structure = params.get("MessageStructure")
    if structure is None:
        return {"default": text}
    if structure != "json":
        raise invalid("MessageStructure")
    return _structured(text)


def _structured(text: str) -> dict[str, str]:
    try:
        texts = json.loads(text)
    except ValueError:
        texts = None
    if not isinstance(texts, dict):
        raise invalid("Message Structure - JSON message body failed to parse")
    if not isinstance(texts.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")
    return {key: one for key, one in texts.items() if isinstance(one, str)}


def deduplication_id(topic: Topic, params: Mapping[str, Json]) -> str:
    """Of a message to a FIFO topic. Raises ApiError."""
    if not params.get("MessageGroupId"):
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    given = params.get("MessageDeduplicationId")
    if given:
        return str(given)
    if topic.attributes.get("ContentBasedDeduplication") != "true":
        raise invalid(
            "The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return hashlib.sha256(params["Message"].encode()).hexdigest()


def delivery_call(subscription: Subscription, notification: Notification) -> ApiCall:
    """The call that hands it to a queue or a function."""
    if subscription.protocol == "lambda":
        event = {"Records": [_record(subscription, notification)]}
        function = {"FunctionName": subscription.endpoint, "InvocationType": "Event"}
        return ApiCall("lambda", "Invoke", {**function, "Payload": json_text(event).encode()})
    queue = parse_arn(subscription.endpoint)
    text = body(subscription, notification)
    params: dict[str, Json] = {"QueueUrl": queue_url(queue), "MessageBody": text}
    if subscription.raw and notification.attributes:
        params["MessageAttributes"] = dict(notification.attributes)
    if notification.group_id is not None:
        params["MessageGroupId"] = notification.group_id
    if notification.deduplication_id is not None and queue.resource.endswith(".fifo"):
        params["MessageDeduplicationId"] = notification.deduplication_id
    return ApiCall("sqs", "SendMessage", params)


def body(subscription: Subscription, notification: Notification) -> str:
    """A queue's message: the text alone, or in SNS's envelope."""
    text = notification.text(subscription.protocol)
    if subscription.raw:
        return text
    arn = parse_arn(subscription.topic_arn)
    host = f"https://sns.{arn.region}.amazonaws.com"
    envelope: dict[str, Json] = {
        "Type": "Notification",
        "MessageId": notification.id,
    }
    if notification.sequence_number is not None:
        envelope["SequenceNumber"] = notification.sequence_number
    envelope["TopicArn"] = subscription.topic_arn
    if notification.subject is not None:
        envelope["Subject"] = notification.subject
    envelope |= {
        "Message": text,
        "Timestamp": iso_time(notification.at_ms),
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
    }
    if notification.attributes:
        envelope["MessageAttributes"] = _shown(notification.attributes)
    return json_text(envelope)


def _record(subscription: Subscription, notification: Notification) -> dict[str, Json]:
    arn = parse_arn(subscription.topic_arn)
    host = f"https://sns.{arn.region}.amazonaws.com"
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {
            "Type": "Notification",
            "MessageId": notification.id,
            "TopicArn": subscription.topic_arn,
            "Subject": notification.subject,
            "Message": notification.text("lambda"),
            "Timestamp": iso_time(notification.at_ms),
            "UnsubscribeUrl": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
            "MessageAttributes": _shown(notification.attributes),
        },
    }


def _shown(attributes: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    return {
        name: {"Type": one["DataType"], "Value": _value(one)} for name, one in attributes.items()
    }


def _value(attribute: Mapping[str, Json]) -> str:
    text = attribute.get("StringValue")
    return str(text) if text is not None else base64.b64encode(_bytes(attribute)).decode()


def _bytes(attribute: Mapping[str, Json]) -> bytes:
    text = attribute.get("StringValue")
    if text is not None:
        return str(text).encode()
    value = attribute.get("BinaryValue") or b""
    return value if isinstance(value, bytes) else str(value).encode()
