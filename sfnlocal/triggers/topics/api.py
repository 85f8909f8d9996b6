"""SNS's API: topics and subscriptions, as the template and callers make them.

https://docs.aws.amazon.com/sns/latest/api/API_Operations.html
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Mapping
from typing import TypeVar

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.simulated import DELIVERED_PROTOCOLS
from sfnlocal.template.resources import Resource
from sfnlocal.triggers.targets import check_target
from sfnlocal.triggers.topics.publishing import Publisher
from sfnlocal.triggers.topics.topic import (
    PROTOCOLS,
    Subscription,
    Topic,
    invalid,
    new_topic,
)

T = TypeVar("T")

_PAGE = 100
_TOPIC_PROPERTIES = frozenset({"TopicName", "Subscription", "Tags", "DataProtectionPolicy"})
_SUBSCRIPTION_PROPERTIES = frozenset({"TopicArn", "Protocol", "Endpoint", "Region"})


class Topics:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._topics: dict[str, Topic] = {}
        self._ids = random.Random(f"{aws.seed}/topics")
        publisher = Publisher(aws, self._topic, self._id)
        self._operations: Mapping[str, Callable[[dict[str, Json]], dict[str, Json]]] = {
            "AddPermission": self._add_permission,
            "CreateTopic": self._create_topic,
            "DeleteTopic": self._delete_topic,
            "GetSubscriptionAttributes": self._get_subscription_attributes,
            "GetTopicAttributes": self._get_topic_attributes,
            "ListSubscriptions": self._list_subscriptions,
            "ListSubscriptionsByTopic": self._list_subscriptions_by_topic,
            "ListTagsForResource": self._list_tags,
            "ListTopics": self._list_topics,
            "Publish": publisher.publish,
            "PublishBatch": publisher.publish_batch,
            "RemovePermission": self._remove_permission,
            "SetSubscriptionAttributes": self._set_subscription_attributes,
            "SetTopicAttributes": self._set_topic_attributes,
            "Subscribe": self._subscribe,
            "TagResource": self._tag,
            "Unsubscribe": self._unsubscribe,
            "UntagResource": self._untag,
        }
        aws.route("sns", self.answer, guarded=True)

    def load(self) -> None:
        """The template's topics and subscriptions."""
        for resource in self._aws.app.of_type("AWS::SNS::Topic"):
            self._load(resource, self._load_topic)
        for resource in self._aws.app.of_type("AWS::SNS::Subscription"):
            self._load(resource, self._load_subscription)
        for resource in self._aws.app.of_type("AWS::SNS::TopicPolicy"):
            self._load(resource, self._load_policy)

    def answer(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        """Raises ApiError, and UnsupportedError for what is not simulated."""
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(
                f"sns:{operation} is not simulated",
                hint=f"only {', '.join(sorted(self._operations))} are",
            )
        return answer(params)

    # The template

    def _load(self, resource: Resource, load: Callable[[Resource], None]) -> None:
        try:
            load(resource)
        except ApiError as error:
            raise InputError(error.message, where=resource.where) from None

    def _load_topic(self, resource: Resource) -> None:
        properties = resource.properties
        attributes = {
            name: _text(value)
            for name, value in properties.items()
            if name not in _TOPIC_PROPERTIES and name != "DeliveryStatusLogging"
        }
        topic = new_topic(resource.arn, attributes)
        topic.tags = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", [])}
        self._topics[topic.arn] = topic
        for one in properties.get("Subscription", []):
            self._checked_endpoint(one["Protocol"], one["Endpoint"], resource.where)
            self._subscribed(topic, one["Protocol"], one["Endpoint"], {})

    def _load_subscription(self, resource: Resource) -> None:
        properties = resource.properties
        topic = self._topic(properties["TopicArn"])
        protocol, endpoint = properties["Protocol"], properties.get("Endpoint", "")
        self._checked_endpoint(protocol, endpoint, resource.where)
        attributes = {
            name: _text(value)
            for name, value in properties.items()
            if name not in _SUBSCRIPTION_PROPERTIES
        }
        self._subscribed(topic, protocol, endpoint, attributes, resource.arn)

    def _load_policy(self, resource: Resource) -> None:
        for arn in resource.properties["Topics"]:
            self._topic(arn).set("Policy", json_text(resource.properties["PolicyDocument"]))

    def _checked_endpoint(self, protocol: str, endpoint: str, where: str) -> None:
        if protocol in DELIVERED_PROTOCOLS:
            check_target(endpoint, self._aws.app, where)

    # Topics

    def _topic(self, arn: str) -> Topic:
        topic = self._topics.get(arn)
        if topic is None:
            raise ApiError("NotFound", "Topic does not exist", 404)
        return topic

    def _create_topic(self, params: dict[str, Json]) -> dict[str, Json]:
        app, name = self._aws.app, params["Name"]
        arn = f"arn:{app.partition}:sns:{app.region}:{app.account}:{name}"
        attributes = params.get("Attributes", {})
        made = new_topic(arn, attributes)
        made.tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}
        known = self._topics.setdefault(arn, made)
        if any(known.attributes.get(name) != value for name, value in attributes.items()):
            raise invalid("Attributes Reason: Topic already exists with different attributes")
        if made.tags and made.tags != known.tags:
            raise invalid("Tags Reason: Topic already exists with different tags")
        return {"TopicArn": arn}

    def _delete_topic(self, params: dict[str, Json]) -> dict[str, Json]:
        self._topics.pop(params["TopicArn"], None)
        return {}

    def _get_topic_attributes(self, params: dict[str, Json]) -> dict[str, Json]:
        return {"Attributes": self._topic(params["TopicArn"]).described()}

    def _set_topic_attributes(self, params: dict[str, Json]) -> dict[str, Json]:
        value = params.get("AttributeValue", "")
        self._topic(params["TopicArn"]).set(params["AttributeName"], value)
        return {}

    def _list_topics(self, params: dict[str, Json]) -> dict[str, Json]:
        arns, more = _page(sorted(self._topics), params)
        return {"Topics": [{"TopicArn": arn} for arn in arns], **more}

    def _add_permission(self, params: dict[str, Json]) -> dict[str, Json]:
        topic = self._topic(params["TopicArn"])
        policy = _policy(topic)
        if any(one.get("Sid") == params["Label"] for one in policy["Statement"]):
            raise invalid("Statement already exists")
        accounts = [f"arn:aws:iam::{account}:root" for account in params["AWSAccountId"]]
        policy["Statement"].append(
            {
                "Sid": params["Label"],
                "Effect": "Allow",
                "Principal": {"AWS": accounts},
                "Action": [f"SNS:{action}" for action in params["ActionName"]],
                "Resource": topic.arn,
            }
        )
        topic.set("Policy", json_text(policy))
        return {}

    def _remove_permission(self, params: dict[str, Json]) -> dict[str, Json]:
        topic = self._topic(params["TopicArn"])
        policy = _policy(topic)
        left = [one for one in policy["Statement"] if one.get("Sid") != params["Label"]]
        topic.set("Policy", json_text({**policy, "Statement": left}))
        return {}

    def _tag(self, params: dict[str, Json]) -> dict[str, Json]:
        tags = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
        self._tagged(params).tags.update(tags)
        return {}

    def _untag(self, params: dict[str, Json]) -> dict[str, Json]:
        topic = self._tagged(params)
        for key in params["TagKeys"]:
            topic.tags.pop(key, None)
        return {}

    def _list_tags(self, params: dict[str, Json]) -> dict[str, Json]:
        tags = self._tagged(params).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tagged(self, params: dict[str, Json]) -> Topic:
        topic = self._topics.get(params["ResourceArn"])
        if topic is None:
            raise ApiError("ResourceNotFound", "Resource does not exist", 404)
        return topic

    # Subscriptions

    def _subscription(self, arn: str) -> Subscription:
        topic = self._topics.get(arn.rpartition(":")[0])
        if topic is None or arn not in topic.subscriptions:
            raise ApiError("NotFound", "Subscription does not exist", 404)
        return topic.subscriptions[arn]

    def _subscribe(self, params: dict[str, Json]) -> dict[str, Json]:
        topic = self._topic(params["TopicArn"])
        endpoint, attributes = params.get("Endpoint", ""), params.get("Attributes", {})
        made = self._subscribed(topic, params["Protocol"], endpoint, attributes)
        confirmed = made.protocol in DELIVERED_PROTOCOLS or params.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": made.arn if confirmed else "pending confirmation"}

    def _subscribed(
        self,
        topic: Topic,
        protocol: str,
        endpoint: str,
        attributes: Mapping[str, str],
        arn: str = "",
    ) -> Subscription:
        """The same endpoint again is the same subscription."""
        if protocol not in PROTOCOLS:
            raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
        if protocol in DELIVERED_PROTOCOLS and f":{protocol}:" not in endpoint:
            raise invalid(f"{protocol.upper()} endpoint ARN")
        if topic.is_fifo and protocol != "sqs":
            raise invalid(
                "Invalid protocol type: FIFO topics deliver to queues only, not to " + protocol
            )
        for one in topic.subscriptions.values():
            if (one.protocol, one.endpoint) == (protocol, endpoint):
                if any(one.attributes.get(key) != value for key, value in attributes.items()):
                    raise invalid(
                        "Attributes Reason: Subscription already exists with different attributes"
                    )
                return one
        arn = arn or f"{topic.arn}:{self._id()}"
        made = Subscription(arn, topic.arn, protocol, endpoint, topic.owner)
        # The policy's scope decides what it may say.
        for name in sorted(attributes, key=lambda name: name == "FilterPolicy"):
            made.set(name, attributes[name])
        topic.subscriptions[made.arn] = made
        return made

    def _unsubscribe(self, params: dict[str, Json]) -> dict[str, Json]:
        arn = params["SubscriptionArn"]
        topic = self._topics.get(arn.rpartition(":")[0])
        if topic is not None:
            topic.subscriptions.pop(arn, None)
        return {}

    def _get_subscription_attributes(self, params: dict[str, Json]) -> dict[str, Json]:
        return {"Attributes": self._subscription(params["SubscriptionArn"]).described()}

    def _set_subscription_attributes(self, params: dict[str, Json]) -> dict[str, Json]:
        subscription = self._subscription(params["SubscriptionArn"])
        subscription.set(params["AttributeName"], params.get("AttributeValue", ""))
        return {}

    def _list_subscriptions(self, params: dict[str, Json]) -> dict[str, Json]:
        every = [one for topic in self._topics.values() for one in topic.subscriptions.values()]
        return _listed(every, params)

    def _list_subscriptions_by_topic(self, params: dict[str, Json]) -> dict[str, Json]:
        topic = self._topic(params["TopicArn"])
        return _listed(list(topic.subscriptions.values()), params)

    def _id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))


def _policy(topic: Topic) -> dict[str, Json]:
    policy: dict[str, Json] = json.loads(topic.described()["Policy"])
    return policy


def _listed(subscriptions: list[Subscription], params: Mapping[str, Json]) -> dict[str, Json]:
    names = ("SubscriptionArn", "Owner", "Protocol", "Endpoint", "TopicArn")
    shown, more = _page(subscriptions, params)
    described = [one.described() for one in shown]
    return {"Subscriptions": [{name: one[name] for name in names} for one in described], **more}


def _page(items: list[T], params: Mapping[str, Json]) -> tuple[list[T], dict[str, str]]:
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise invalid("NextToken Reason: it is none that was given")
    start = int(token)
    more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(items) else {}
    return items[start : start + _PAGE], more


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json_text(value)
