"""A topic and its subscriptions, and what AWS refuses about them.

https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.triggers.topics.filter_policies import FilterPolicy, compile_filter_policy

PROTOCOLS = frozenset(
    {
        "http",
        "https",
        "email",
        "email-json",
        "sms",
        "sqs",
        "application",
        "lambda",
        "firehose",
    }
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOPIC_ATTRIBUTES = frozenset(
    {
        "ArchivePolicy",
        "ContentBasedDeduplication",
        "DeliveryPolicy",
        "DisplayName",
        "FifoThroughputScope",
        "FifoTopic",
        "KmsMasterKeyId",
        "Policy",
        "SignatureVersion",
        "TracingConfig",
        *(
            f"{protocol}{kind}"
            for protocol in ("Application", "Firehose", "HTTP", "Lambda", "SQS")
            for kind in (
                "FailureFeedbackRoleArn",
                "SuccessFeedbackRoleArn",
                "SuccessFeedbackSampleRate",
            )
        ),
    }
)
_SUBSCRIPTION_ATTRIBUTES = frozenset(
    {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "ReplayPolicy",
        "SubscriptionRoleArn",
    }
)


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: {message}")


@dataclass(slots=True)
class Subscription:
    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    owner: str
    attributes: dict[str, str] = field(default_factory=dict)
    filter: FilterPolicy | None = None

    def set(self, name: str, value: str) -> None:
        """Raises ApiError for what AWS refuses."""
        if name not in _SUBSCRIPTION_ATTRIBUTES:
            raise invalid("AttributeName")
        if name == "RawMessageDelivery" and value not in ("true", "false"):
            raise invalid("Attributes Reason: RawMessageDelivery: invalid value; it is a boolean")
        if name == "FilterPolicyScope" and value not in ("MessageAttributes", "MessageBody"):
            raise invalid("Attributes Reason: FilterPolicyScope: Invalid value")
        if name == "RedrivePolicy" and value:
            _check_redrive_policy(value)
        attributes = {**self.attributes, name: value}
        if not value:
            del attributes[name]
        # Checked together: a policy for the body may be nested.
        self.filter = compile_filter_policy(attributes)
        self.attributes = attributes

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    @property
    def dead_letter_arn(self) -> str | None:
        policy = self.attributes.get("RedrivePolicy")
        return str(json.loads(policy)["deadLetterTargetArn"]) if policy else None

    def described(self) -> dict[str, str]:
        return {
            "SubscriptionArn": self.arn,
            "TopicArn": self.topic_arn,
            "Protocol": self.protocol,
            "Endpoint": self.endpoint,
            "Owner": self.owner,
            "RawMessageDelivery": "false",
            "ConfirmationWasAuthenticated": "true",
            "PendingConfirmation": "false",
            **({"FilterPolicyScope": "MessageAttributes"} if self.filter else {}),
            **self.attributes,
        }


@dataclass(slots=True)
class Topic:
    arn: str
    owner: str
    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    # Of a FIFO topic: what was published in the last five minutes, by deduplication id.
    published: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    sequence: int = 10_000_000_000_000_000_000

    @property
    def is_fifo(self) -> bool:
        return self.attributes.get("FifoTopic") == "true"

    def set(self, name: str, value: str) -> None:
        if name not in _TOPIC_ATTRIBUTES:
            raise invalid("AttributeName")
        if name in ("Policy", "DeliveryPolicy") and value and not _is_object(value):
            raise invalid(f"{name}: it is no JSON object")
        self.attributes[name] = value

    def described(self) -> dict[str, str]:
        confirmed = str(len(self.subscriptions))
        return {
            "TopicArn": self.arn,
            "Owner": self.owner,
            "DisplayName": "",
            "Policy": self.attributes.get("Policy") or self._default_policy(),
            "SubscriptionsConfirmed": confirmed,
            "SubscriptionsPending": "0",
            "SubscriptionsDeleted": "0",
            **({"ContentBasedDeduplication": "false"} if self.is_fifo else {}),
            **{name: value for name, value in self.attributes.items() if name != "Policy"},
        }

    def _default_policy(self) -> str:
        """The owner's account may do everything."""
        actions = (
            "GetTopicAttributes",
            "SetTopicAttributes",
            "AddPermission",
            "RemovePermission",
            "DeleteTopic",
            "Subscribe",
            "ListSubscriptionsByTopic",
            "Publish",
        )
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [f"SNS:{action}" for action in actions],
            "Resource": self.arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": self.owner}},
        }
        return json_text(
            {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
        )


def new_topic(arn: str, attributes: Mapping[str, str]) -> Topic:
    """Raises ApiError for what CreateTopic refuses."""
    parsed = parse_arn(arn)
    name = parsed.resource
    fifo = attributes.get("FifoTopic") == "true"
    if not _NAME.fullmatch(name.removesuffix(".fifo") if fifo else name):
        raise invalid("Topic Name")
    if fifo and not name.endswith(".fifo"):
        raise invalid(
            "Fifo Topic names must end with .fifo and must be made up of only uppercase "
            "and lowercase ASCII letters, numbers, underscores, and hyphens, and must be "
            "between 1 and 256 characters long."
        )
    topic = Topic(arn, parsed.account)
    for key, value in attributes.items():
        topic.set(key, value)
    return topic


def _check_redrive_policy(value: str) -> None:
    policy = json.loads(value) if _is_object(value) else {}
    target = policy.get("deadLetterTargetArn")
    if not isinstance(target, str) or ":sqs:" not in target:
        raise invalid("RedrivePolicy: deadLetterTargetArn is the ARN of an SQS queue")


def _is_object(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False
