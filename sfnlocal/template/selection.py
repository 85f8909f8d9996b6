"""Finds the state machine that a person means."""

from __future__ import annotations

from collections.abc import Iterable

from sfnlocal.errors import InputError
from sfnlocal.template.resources import App, Resource, StateMachine


def find_state_machine(app: App, text: str) -> StateMachine:
    """By ARN, name, logical id, construct path (or its end) or construct id; upper and lower case
    count only where they must. Raises InputError with what there is, and NeedsAwsError for a
    machine that cannot run here."""
    machines = {machine.arn: machine for machine in app.state_machines}
    resources = app.of_type("AWS::StepFunctions::StateMachine")
    for wanted, names in ((text, _names), (text.casefold(), _folded_names)):
        found = [resource for resource in resources if wanted in names(resource)]
        if len(found) == 1:
            arn = found[0].arn
            if arn in app.refused:
                raise app.refused[arn]
            return machines[arn]
        if found:
            raise InputError(
                f"{text!r} may be any of {len(found)} state machines",
                hint=f"name one by its construct path: {_listed(found)}",
            )
    if not resources:
        raise InputError(f"there is no state machine {text!r}: the app has none")
    raise InputError(f"there is no state machine {text!r}", hint=f"there are: {_listed(resources)}")


def _names(resource: Resource) -> set[str]:
    parts = resource.path.split("/")
    ends = {"/".join(parts[start:]) for start in range(len(parts))}
    defaults = {f"{end}/Resource" for end in ends}
    name = resource.arn.rpartition(":")[2]
    return {resource.arn, name, resource.logical_id} | ends | defaults


def _folded_names(resource: Resource) -> set[str]:
    return {name.casefold() for name in _names(resource)}


def _listed(resources: Iterable[Resource]) -> str:
    return ", ".join(sorted(resource.path for resource in resources))
