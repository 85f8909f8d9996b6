"""What a template says of EventBridge: buses, their policies, archives, rules with their targets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, InputError, NeedsAwsError, SfnLocalError
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.rules import Rule, RuleTarget, read_rule, read_target
from sfnlocal.triggers.target_checks import check_required
from sfnlocal.triggers.targets import check_target, target_refusal

if TYPE_CHECKING:
    from sfnlocal.triggers.buses import Buses

_HINTS = {
    "ResourceNotFoundException": "add the event bus to the app, or correct its name",
    "InvalidEventPatternException": "see https://docs.aws.amazon.com/eventbridge/latest/userguide/"
    "eb-create-pattern-operators.html",
}


def load_buses(buses: Buses) -> None:
    """InputError, with the resource, for what AWS would refuse."""
    app = buses.aws.app
    for resource in app.of_type("AWS::Events::EventBus"):
        buses.add_bus(resource.name, _bus_given(resource))
        buses.tags[buses.buses[resource.name].arn] = _tags(resource)
    for resource in app.of_type("AWS::Events::EventBusPolicy"):
        with _refused(resource):
            _load_policy(buses, resource)
    for resource in app.of_type("AWS::Events::Archive"):
        with _refused(resource):
            buses.add_archive(
                resource.name, resource.properties["SourceArn"], _with_pattern_text(resource)
            )
    for resource in app.of_type("AWS::Events::Rule"):
        with _refused(resource):
            _load_rule(buses, resource)


def refusals(app: App) -> list[tuple[Resource, str]]:
    """Rules with a target that is not simulated (the timeline tells what it would have got), or
    with what only AWS knows, and why."""
    told = [(resource, _refusal(resource)) for resource in app.of_type("AWS::Events::Rule")]
    return [(resource, refusal) for resource, refusal in told if refusal]


def _refusal(resource: Resource) -> str:
    try:
        for name in ("EventBusName", "EventPattern", "ScheduleExpression"):
            resource.properties.get(name)
        targets = [target["Arn"] for target in resource.properties.get("Targets", [])]
    except SfnLocalError as error:
        return error.message
    return next(filter(None, map(target_refusal, targets)), "")


def _bus_given(resource: Resource) -> dict[str, object]:
    names = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")
    return {name: resource.properties[name] for name in names if name in resource.properties}


def _tags(resource: Resource) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource.properties.get("Tags") or []}


def _load_policy(buses: Buses, resource: Resource) -> None:
    properties = resource.properties
    bus = buses.bus(properties.get("EventBusName"))
    if "Statement" in properties:
        bus.statements[properties["StatementId"]] = {
            "Sid": properties["StatementId"],
            **properties["Statement"],
        }
    else:
        buses.allow(bus, properties)


def _with_pattern_text(resource: Resource) -> dict[str, object]:
    given = dict(resource.properties)
    if not isinstance(given.get("EventPattern", ""), str):
        given["EventPattern"] = json.dumps(given["EventPattern"], separators=(",", ":"))
    return given


def _load_rule(buses: Buses, resource: Resource) -> None:
    bus = buses.bus(resource.properties.get("EventBusName"))
    rule = buses.aws.app.derived(_rule, resource, bus.name, bus.arn)
    buses.tags[rule.arn] = _tags(resource)
    buses.put_rule(rule)


def _rule(app: App, resource: Resource, bus_name: str, bus_arn: str) -> Rule:
    properties = resource.properties
    name = parse_arn(resource.arn).resource.rpartition("/")[2]
    rule = read_rule(name, bus_name, bus_arn, properties)
    targets: dict[str, RuleTarget] = {}
    for given in properties.get("Targets") or []:
        target = targets[given["Id"]] = read_target(given)
        check_target(target.arn, app, resource.where)
        if target.dead_letter_arn is not None:
            check_target(target.dead_letter_arn, app, resource.where)
    check_required(targets.values())
    return replace(rule, targets=targets)


@contextmanager
def _refused(resource: Resource) -> Iterator[None]:
    """Leaves out what only AWS knows: `refusals`, or the app's problems, list it."""
    try:
        yield
    except NeedsAwsError:
        return
    except ApiError as error:
        hint = _HINTS.get(error.aws_code, f"AWS refuses it: {error.aws_code}")
        raise InputError(error.message, where=resource.where, hint=hint) from None
