"""What schedules, rules, pipes and subscriptions will call: known before any of them is due, so a
permission that is missing is told when the app is loaded.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from sfnlocal.arns import parse_arn
from sfnlocal.errors import SfnLocalError
from sfnlocal.ports import Caller, Json, ServiceCall
from sfnlocal.template.properties import known_text
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.targets import has_call, target_call

# Who calls which target.
_Target: TypeAlias = tuple[Caller, str]


def triggered_calls(app: App) -> Iterator[tuple[Resource, ServiceCall]]:
    """Each trigger's calls, with the resource that makes them. Left out are targets of other
    accounts, those that are known only on AWS, and those that take more than one plain call."""
    for resource_type, targets_of in _TARGETS.items():
        for resource in app.of_type(resource_type):
            for caller, arn in targets_of(resource):
                if parse_arn(arn).account == app.account and has_call(arn):
                    service, operation, params = target_call(arn, "{}", {})
                    if _waits(resource, service):
                        operation = "StartSyncExecution"
                    yield resource, ServiceCall(service, operation, params, caller)


def _schedule(resource: Resource) -> Iterator[_Target]:
    target = _value(resource.properties, "Target", {})
    yield from _known("scheduler.amazonaws.com", resource.arn, target, "Arn")


def _rule(resource: Resource) -> Iterator[_Target]:
    for target in _value(resource.properties, "Targets", []):
        yield from _known("events.amazonaws.com", resource.arn, target, "Arn")


def _pipe(resource: Resource) -> Iterator[_Target]:
    yield from _known("pipes.amazonaws.com", resource.arn, resource.properties, "Target")


def _topic(resource: Resource) -> Iterator[_Target]:
    for given in _value(resource.properties, "Subscription", []):
        yield from _subscribed(resource.arn, given)


def _subscription(resource: Resource) -> Iterator[_Target]:
    yield from _subscribed(known_text(resource.properties, "TopicArn"), resource.properties)


def _subscribed(topic_arn: str, given: Mapping[str, Json]) -> Iterator[_Target]:
    if known_text(given, "Protocol") in ("sqs", "lambda"):
        yield from _known("sns.amazonaws.com", topic_arn, given, "Endpoint")


def _known(
    service: str, source_arn: str, given: Mapping[str, Json], name: str
) -> Iterator[_Target]:
    arn, role_arn = known_text(given, name), known_text(given, "RoleArn")
    # Buses forward without a call.
    if arn and ":event-bus/" not in arn:
        yield Caller(service, source_arn, role_arn or None), arn


def _waits(resource: Resource, service: str) -> bool:
    """A pipe waits for an Express execution unless it is told not to."""
    if resource.type != "AWS::Pipes::Pipe" or service != "stepfunctions":
        return False
    parameters = _value(resource.properties, "TargetParameters", {})
    how = parameters.get("StepFunctionStateMachineParameters", {})
    return bool(how.get("InvocationType") != "FIRE_AND_FORGET")


def _value(properties: Mapping[str, Json], name: str, default: Json) -> Json:
    try:
        return properties.get(name, default)
    except SfnLocalError:
        return default


_TARGETS: Mapping[str, Callable[[Resource], Iterator[_Target]]] = {
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::Events::Rule": _rule,
    "AWS::Pipes::Pipe": _pipe,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::Subscription": _subscription,
}
