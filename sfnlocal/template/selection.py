"""Finds the state machine that a person means."""

from __future__ import annotations

from collections.abc import Iterable

from sfnlocal.errors import InputError
from sfnlocal.template.resources import App, StateMachine


def find_state_machine(app: App, text: str) -> StateMachine:
    """By ARN, name, logical id, construct path (or its end) or construct id; upper and lower case
    count only where they must. Raises InputError with what there is."""
    for wanted, names in ((text, _names), (text.casefold(), _folded_names)):
        found = [machine for machine in app.state_machines if wanted in names(machine)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"{text!r} may be any of {len(found)} state machines",
                hint=f"name one by its construct path: {_listed(found)}",
            )
    if not app.state_machines:
        raise InputError(f"there is no state machine {text!r}: the app has none")
    raise InputError(
        f"there is no state machine {text!r}", hint=f"there are: {_listed(app.state_machines)}"
    )


def _names(machine: StateMachine) -> set[str]:
    resource = machine.resource
    parts = resource.path.split("/")
    ends = {"/".join(parts[start:]) for start in range(len(parts))}
    defaults = {f"{end}/Resource" for end in ends}
    return {machine.arn, machine.name, resource.logical_id} | ends | defaults


def _folded_names(machine: StateMachine) -> set[str]:
    return {name.casefold() for name in _names(machine)}


def _listed(machines: Iterable[StateMachine]) -> str:
    return ", ".join(sorted(machine.resource.path for machine in machines))
