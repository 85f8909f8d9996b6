"""Which resources of an app are there when it runs here, and why others are not.

Says what provision.py does without importing it: a list of what an app has needs no AWS SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sfnlocal.services.cloudwatch.alarm_support import (
    composite_alarm_refusal,
    metric_alarm_refusal,
)
from sfnlocal.template.resources import App, Resource

# What provision.py creates in moto.
MOTO_TYPES = frozenset(
    {
        "AWS::KMS::Key",
        "AWS::KMS::Alias",
        "AWS::SSM::Parameter",
        "AWS::SecretsManager::Secret",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
    }
)
# Each call of a role or a service is checked by these.
PERMISSION_TYPES = frozenset(
    {
        "AWS::IAM::Role",
        "AWS::IAM::Policy",
        "AWS::IAM::RolePolicy",
        "AWS::IAM::ManagedPolicy",
        "AWS::Lambda::Permission",
        "AWS::SQS::QueuePolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::S3::BucketPolicy",
        "AWS::SecretsManager::ResourcePolicy",
        "AWS::Logs::ResourcePolicy",
        "AWS::Events::EventBusPolicy",
    }
)
SUPPORTED_TYPES = (
    MOTO_TYPES
    | PERMISSION_TYPES
    | {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::Events::EventBus",
        "AWS::Events::Archive",
        "AWS::SQS::Queue",
        "AWS::SNS::Topic",
        "AWS::SNS::Subscription",
    }
)
# Of subscriptions: those that get messages here.
DELIVERED_PROTOCOLS = frozenset({"sqs", "lambda"})

_WATCHING = "watches what runs on AWS"
_DEPLOYMENT = "belongs to the deployment"
IGNORED_TYPES: Mapping[str, str] = {
    "AWS::CloudWatch::Dashboard": _WATCHING,
    "AWS::CloudWatch::AnomalyDetector": _WATCHING,
    "AWS::Logs::MetricFilter": _WATCHING,
    "AWS::Logs::SubscriptionFilter": _WATCHING,
    "AWS::Logs::QueryDefinition": _WATCHING,
    "AWS::XRay::SamplingRule": _WATCHING,
    "AWS::XRay::Group": _WATCHING,
    "AWS::Budgets::Budget": _WATCHING,
    "AWS::CDK::Metadata": _DEPLOYMENT,
    "AWS::CloudFormation::WaitCondition": _DEPLOYMENT,
    "AWS::CloudFormation::WaitConditionHandle": _DEPLOYMENT,
    "AWS::Lambda::LayerVersion": "functions use the packages that are installed here",
    "AWS::Scheduler::ScheduleGroup": "only groups schedules",
}


@dataclass(frozen=True, slots=True)
class NotSimulated:
    resource: Resource
    reason: str


def not_simulated(app: App, handled: frozenset[str] = frozenset()) -> list[NotSimulated]:
    """What of the app is not there, and why. `handled` are types that run elsewhere (functions,
    state machines, rules, ...)."""
    listed = []
    for resource in app.resources:
        if resource.type in handled:
            continue
        reason = IGNORED_TYPES.get(resource.type)
        if resource.type in SUPPORTED_TYPES:
            refusal = _REFUSALS.get(resource.type)
            reason = refusal(resource) if refusal else None
        elif reason is None:
            reason = f"sfnlocal does not know {resource.type}"
        if reason is not None:
            listed.append(NotSimulated(resource, reason))
    return listed


def protocol_refusal(protocol: str) -> str | None:
    """Of an SNS subscription."""
    if protocol in DELIVERED_PROTOCOLS:
        return None
    return f"subscriptions of protocol {protocol} get no messages"


def _topic_refusal(resource: Resource) -> str | None:
    subscriptions = resource.properties.get("Subscription", [])
    refusals = (protocol_refusal(one["Protocol"]) for one in subscriptions)
    return next((refusal for refusal in refusals if refusal), None)


def _subscription_refusal(resource: Resource) -> str | None:
    return protocol_refusal(resource.properties["Protocol"])


def _bucket_refusal(resource: Resource) -> str | None:
    if "ReplicationConfiguration" in resource.properties:
        return "the bucket is there, its ReplicationConfiguration has no effect"
    notifications = resource.properties.get("NotificationConfiguration", {})
    if notifications.keys() - {"EventBridgeConfiguration"}:
        return "the bucket is there, its notifications go to EventBridge only"
    return None


# What resources of a supported type do not do after all.
_REFUSALS: Mapping[str, Callable[[Resource], str | None]] = {
    "AWS::CloudWatch::Alarm": lambda resource: metric_alarm_refusal(resource.properties),
    "AWS::CloudWatch::CompositeAlarm": lambda resource: composite_alarm_refusal(
        resource.properties
    ),
    "AWS::SNS::Subscription": _subscription_refusal,
    "AWS::SNS::Topic": _topic_refusal,
    "AWS::S3::Bucket": _bucket_refusal,
}
