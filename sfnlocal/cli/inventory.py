"""What an app has and what of it runs on this machine, as data: what `sfnlocal list` shows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfnlocal.cli.definitions import compiled, rejection
from sfnlocal.errors import DefinitionError, SfnLocalError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.reports.wording import cut
from sfnlocal.services.simulated import SUPPORTED_TYPES, not_simulated
from sfnlocal.template import App, Function, Resource, StateMachine, names_by_arn, short_ids
from sfnlocal.template.versions import ALIAS_TYPE, VERSION_TYPE
from sfnlocal.triggers.bus_resources import refusals as refused_rules
from sfnlocal.triggers.mappings import refusals as refused_mappings
from sfnlocal.triggers.pipes import refusals as refused_pipes
from sfnlocal.triggers.schedules import refusals as refused_schedules

_PATTERN_CHARS = 60
_ACTIVITY = "AWS::StepFunctions::Activity"
_MAPPING = "AWS::Lambda::EventSourceMapping"
_TRIGGER_TYPES = {
    _MAPPING: "event source mapping",
    "AWS::Events::Rule": "rule",
    "AWS::Scheduler::Schedule": "schedule",
    "AWS::Pipes::Pipe": "pipe",
}
# What a trigger says where it is switched off.
_DISABLED = {
    _MAPPING: ("Enabled", "false"),
    "AWS::Events::Rule": ("State", "disabled"),
    "AWS::Scheduler::Schedule": ("State", "disabled"),
    "AWS::Pipes::Pipe": ("DesiredState", "stopped"),
}
_QUEUES = ("AWS::SQS::Queue",)
_TABLES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
_NAMED_BY_ARN = ("AWS::SQS::Queue", "AWS::SNS::Topic", _ACTIVITY)
_QUALIFIED = (VERSION_TYPE, ALIAS_TYPE)
_RUN_HERE = frozenset(
    {
        "AWS::StepFunctions::StateMachine",
        *_QUALIFIED,
        _ACTIVITY,
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig",
        *_TRIGGER_TYPES,
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of the app. `id` is what commands take, `problem` says why it does not run
    here, and is empty where it does."""

    id: str
    name: str
    kind: str = ""
    details: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    state_machines: list[Entry]
    functions: list[Entry]
    queues: list[Entry]
    tables: list[Entry]
    other: list[Entry]
    triggers: list[Entry]
    not_simulated: list[Entry]
    unresolved: list[str]


def list_app(app: App) -> Listing:
    refused = not_simulated(app, _RUN_HERE)
    absent = {one.resource.where for one in refused}
    shown = {type_name for types in (_QUEUES, _TABLES) for type_name in types}
    other = [
        resource
        for resource in app.of_type(_ACTIVITY, *_QUALIFIED, *SUPPORTED_TYPES - shown)
        if resource.where not in absent
    ]
    functions = short_ids(function.resource for function in app.functions)
    machines = short_ids(machine.resource for machine in app.state_machines)
    reasons = {one.resource.where: one.reason for one in refused}
    return Listing(
        state_machines=[_state_machine(one, machines) for one in app.state_machines],
        functions=[_function(one, functions) for one in app.functions],
        queues=_entries(app.of_type(*_QUEUES)),
        tables=_entries(app.of_type(*_TABLES)),
        other=_entries(other, with_kind=True),
        triggers=_triggers(app),
        not_simulated=[
            dataclasses.replace(entry, problem=reason)
            for entry, reason in zip(
                _entries([one.resource for one in refused], with_kind=True),
                reasons.values(),
                strict=True,
            )
        ],
        unresolved=list(app.problems),
    )


def _entries(resources: Sequence[Resource], *, with_kind: bool = False) -> list[Entry]:
    ids = short_ids(resources)
    return [
        Entry(
            ids[resource.where],
            _name(resource),
            resource.type.removeprefix("AWS::") if with_kind else "",
        )
        for resource in resources
    ]


def _name(resource: Resource) -> str:
    """Of a queue its name, not its URL; of a topic its name, not its ARN; of a state machine's
    version or alias what `sfnlocal run` takes."""
    if resource.type in _QUALIFIED:
        return ":".join(resource.arn.split(":")[-2:])
    by_arn = resource.type in _NAMED_BY_ARN
    return resource.arn.rpartition(":")[2] if by_arn else resource.name


def _state_machine(machine: StateMachine, ids: Mapping[str, str]) -> Entry:
    problem = ""
    try:
        compiled(machine)
    except DefinitionError as error:
        problem = f"its definition is rejected\n{rejection(error, '  ')}"
    except UnsupportedError as error:
        problem = error.message
    return Entry(ids[machine.resource.where], machine.name, machine.type, "", problem)


def _function(function: Function, ids: Mapping[str, str]) -> Entry:
    return Entry(
        ids[function.resource.where],
        function.name,
        function.runtime,
        f"{function.handler} in {_shown(function.code_folder)}" if function.code_folder else "",
        function.refusal,
    )


def _shown(folder: Path) -> Path:
    """Relative where it is in the working directory."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _triggers(app: App) -> list[Entry]:
    listed = (*refused_mappings(app), *refused_pipes(app), *refused_schedules(app))
    refusals = {resource.where: reason for resource, reason in (*listed, *refused_rules(app))}
    resources = app.of_type(*_TRIGGER_TYPES)
    ids, targets = short_ids(resources), names_by_arn(app)
    entries = []
    for resource in resources:
        problem = refusals.get(resource.where, "")
        try:
            details = _trigger_details(resource, targets)
            name, off = _DISABLED[resource.type]
            if str(resource.properties.get(name, "")).lower() == off:
                problem = "it is disabled"
        except SfnLocalError as error:
            details = error.message
        entries.append(
            Entry(ids[resource.where], "", _TRIGGER_TYPES[resource.type], details, problem)
        )
    return entries


def _trigger_details(resource: Resource, names: Mapping[str, str]) -> str:
    """What it goes by, and what it starts."""
    properties = resource.properties
    if resource.type == _MAPPING:
        source = str(properties.get("EventSourceArn", "its source"))
        when: Json = names.get(source, source)
        targets = [properties["FunctionName"]]
    else:
        when = properties.get("ScheduleExpression") or properties.get("EventPattern") or ""
        given = properties.get("Targets") or [properties.get("Target", {})]
        targets = [target.get("Arn", "") for target in given]
    text = when if isinstance(when, str) else json.dumps(when)
    started = ", ".join(names.get(target, target) for target in targets)
    return f"{cut(text, _PATTERN_CHARS)} -> {started}"
