"""`sfnlocal list`: what an app deploys, which of it runs on this machine, and why the rest not."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfnlocal.cli.options import Commands, add_format, new_command, open_app
from sfnlocal.errors import DefinitionError, SfnLocalError, UnsupportedError

if TYPE_CHECKING:
    from sfnlocal.template import App, Function, Resource, StateMachine

_EXAMPLES = """\
  sfnlocal list                          # of ./cdk.out
  sfnlocal list --app template.yaml      # of one CloudFormation template
  sfnlocal list --format json | jq '.state_machines[] | select(.problem)'

exit code 1: a state machine's definition would be rejected, or a function does not run here
"""

_TRIGGER_TYPES = {
    "AWS::Lambda::EventSourceMapping": "event source mapping",
    "AWS::Events::Rule": "rule",
    "AWS::Scheduler::Schedule": "schedule",
    "AWS::Pipes::Pipe": "pipe",
}
_SECTION_TYPES = {
    "queues": ("AWS::SQS::Queue",),
    "tables": ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"),
}
_RUN_HERE = frozenset(
    {
        "AWS::StepFunctions::StateMachine",
        "AWS::StepFunctions::StateMachineVersion",
        "AWS::StepFunctions::StateMachineAlias",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
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


def add_command(commands: Commands) -> None:
    parser = new_command(
        commands, "list", "list what an app has, and what of it runs here", _EXAMPLES
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    listing = list_app(open_app(arguments.app))
    if arguments.format == "json":
        print(json.dumps(dataclasses.asdict(listing), indent=2, ensure_ascii=False))
    else:
        print(render_listing(listing))
    problems = any(entry.problem for entry in (*listing.state_machines, *listing.functions))
    return 1 if problems else 0


def list_app(app: App) -> Listing:
    from sfnlocal.services.provision import SUPPORTED_TYPES, not_simulated

    shown = {type_name for types in _SECTION_TYPES.values() for type_name in types}
    refused = not_simulated(app, _RUN_HERE)
    absent = {id(one.resource) for one in refused}
    return Listing(
        state_machines=[_state_machine(machine) for machine in app.state_machines],
        functions=[_function(function) for function in app.functions],
        queues=_of_types(app, "queues"),
        tables=_of_types(app, "tables"),
        other=[
            _entry(resource)
            for resource in app.resources
            if resource.type in SUPPORTED_TYPES - shown and id(resource) not in absent
        ],
        triggers=_triggers(app),
        not_simulated=[
            dataclasses.replace(_entry(one.resource), problem=one.reason) for one in refused
        ],
        unresolved=list(app.problems),
    )


def _of_types(app: App, section: str) -> list[Entry]:
    return [_entry(resource) for resource in app.of_type(*_SECTION_TYPES[section])]


def _entry(resource: Resource) -> Entry:
    name = resource.name.rpartition("/")[2] if resource.type == "AWS::SQS::Queue" else resource.name
    kind = resource.type.removeprefix("AWS::")
    return Entry(resource.path.rpartition("/")[2], name, kind)


def _state_machine(machine: StateMachine) -> Entry:
    from sfnlocal.language import compile_definition

    problem = ""
    try:
        compile_definition(machine.definition, type=machine.type)
    except (DefinitionError, UnsupportedError) as error:
        problem = str(error)
    entry = _entry(machine.resource)
    return dataclasses.replace(entry, name=machine.name, kind=machine.type, problem=problem)


def _function(function: Function) -> Entry:
    return Entry(
        function.resource.path.rpartition("/")[2],
        function.name,
        function.runtime,
        f"{function.handler} in {function.code_folder}" if function.code_folder else "",
        function.refusal,
    )


def _triggers(app: App) -> list[Entry]:
    from sfnlocal.services.queues import refused_mappings

    refusals = {resource.where: reason for resource, reason in refused_mappings(app)}
    entries = []
    for resource in app.of_type(*_TRIGGER_TYPES):
        kind = _TRIGGER_TYPES[resource.type]
        problem = refusals.get(resource.where, "")
        if resource.type != "AWS::Lambda::EventSourceMapping":
            problem = f"{kind}s start nothing here; run what it starts yourself"
        elif str(resource.properties.get("Enabled", True)).lower() == "false":
            problem = "it is disabled"
        try:
            details = _trigger_details(resource)
        except SfnLocalError as error:
            details = error.message
        entry = _entry(resource)
        entries.append(
            dataclasses.replace(entry, name="", kind=kind, details=details, problem=problem)
        )
    return entries


def _trigger_details(resource: Resource) -> str:
    """What it goes by, and what it starts."""
    properties = resource.properties
    if resource.type == "AWS::Lambda::EventSourceMapping":
        source = str(properties.get("EventSourceArn", "its source"))
        return f"{_last(source)} -> {_last(str(properties['FunctionName']))}"
    when = properties.get("ScheduleExpression") or properties.get("EventPattern")
    targets = properties.get("Targets") or [properties.get("Target", {})]
    names = ", ".join(_last(str(target.get("Arn", ""))) for target in targets)
    text = when if isinstance(when, str) else json.dumps(when)
    return f"{text} -> {names}"


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]


def render_listing(listing: Listing) -> str:
    """As text, a section for each kind; sections without entries are left out."""
    sections = [
        ("State machines", listing.state_machines),
        ("Functions", listing.functions),
        ("Queues", listing.queues),
        ("Tables", listing.tables),
        ("Other resources that are simulated", listing.other),
        ("Triggers", listing.triggers),
        ("Not simulated", _by_reason(listing.not_simulated)),
    ]
    lines: list[str] = []
    for title, entries in sections:
        if entries:
            lines += ["", title, *_rows(entries)]
    if listing.unresolved:
        lines += ["", "Not resolved without AWS"]
        lines += [f"  {problem}" for problem in listing.unresolved]
    return "\n".join(lines[1:]) if lines else "The app has no resources."


def _by_reason(entries: Iterable[Entry]) -> list[Entry]:
    """One line a type and reason: an app has many roles and policies."""
    ids: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        ids.setdefault((entry.kind, entry.problem), []).append(entry.id)
    return [
        Entry(kind, str(len(members)), details=reason) for (kind, reason), members in ids.items()
    ]


def _rows(entries: list[Entry]) -> Iterator[str]:
    cells = [(entry.id, entry.kind, entry.name, entry.details) for entry in entries]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    for entry, row in zip(entries, cells, strict=True):
        shown = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield f"  {'  '.join(shown)}".rstrip()
        if entry.problem:
            lines = f"does not run here: {entry.problem}".splitlines()
            yield from (f"    {line}" for line in lines)
