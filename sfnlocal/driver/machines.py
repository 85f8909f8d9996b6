"""The state machines of a session: the template's, and those that the API created or changed.

A definition is compiled once; an execution keeps the one that it started with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sfnlocal.driver.versions import Versions
from sfnlocal.errors import InputError
from sfnlocal.interpreter import Machine, link
from sfnlocal.language import compile_definition
from sfnlocal.limits import EXPRESS_DURATION_MS_MAX, EXPRESS_HISTORY_EVENTS_MAX
from sfnlocal.template import App, StateMachine
from sfnlocal.template.selection import state_machines_by_arn
from sfnlocal.template.versions import find_startable


class StateMachines:
    def __init__(self, app: App, jsonata: str, deployed_ms: int) -> None:
        self.versions = Versions(app, deployed_ms)
        self._app = app
        self._jsonata = jsonata
        self._changed: dict[str, StateMachine] = {}
        self._deleted: set[str] = set()
        self._linked: dict[str, tuple[StateMachine, Machine]] = {}

    def share(self, other: StateMachines) -> None:
        """Use what another session of the same app has compiled."""
        self._linked.update(other._linked)

    def __iter__(self) -> Iterator[StateMachine]:
        """The template's in its order, then the created ones in theirs."""
        template = {machine.arn: machine for machine in self._app.state_machines}
        for arn, machine in (template | self._changed).items():
            if arn not in self._deleted:
                yield machine

    def get(self, arn: str) -> StateMachine | None:
        """By ARN only."""
        if arn in self._changed:
            return self._changed[arn]
        if arn in self._deleted:
            return None
        return self._app.derived(state_machines_by_arn).get(arn)

    def find(self, text: str) -> StateMachine:
        """A state machine, version or alias; by ARN, name, logical id, construct path or construct
        id; InputError else."""
        for machine in self._changed.values():
            if text in (machine.arn, machine.name):
                return machine
        if (qualified := self.versions.get(text)) is not None:
            return qualified
        found = find_startable(self._app, text)
        qualifier = found.version_arn or found.alias_arn
        if found.arn in self._deleted:
            raise InputError(f"the state machine {text!r} was deleted")
        if not qualifier:
            return self._changed.get(found.arn, found)
        if (qualified := self.versions.get(qualifier)) is None:
            raise InputError(f"the version or alias {text!r} was deleted")
        return qualified

    def put(self, machine: StateMachine) -> None:
        """Create or replace. DefinitionError or UnsupportedError where it cannot be compiled."""
        self.linked(machine)
        self._changed[machine.arn] = machine
        self._deleted.discard(machine.arn)

    def remove(self, arn: str) -> None:
        self._changed.pop(arn, None)
        for version in self.versions.versions_of(arn):
            self._linked.pop(version.version_arn, None)
        self._linked.pop(arn, None)
        self._deleted.add(arn)
        self.versions.remove_all(arn)

    def linked(self, machine: StateMachine) -> Machine:
        """The state machine, compiled. DefinitionError or UnsupportedError where it cannot be."""
        key = machine.version_arn or machine.arn
        known = self._linked.get(key)
        if known is not None and known[0].definition is machine.definition:
            return known[1]
        program = compile_definition(machine.definition, jsonata=self._jsonata, type=machine.type)
        linked = link(program)
        if machine.type == "EXPRESS":
            longest_seconds = EXPRESS_DURATION_MS_MAX // 1000
            given_seconds = linked.timeout_seconds or longest_seconds
            linked = replace(
                linked,
                timeout_seconds=min(given_seconds, longest_seconds),
                history_events_max=EXPRESS_HISTORY_EVENTS_MAX,
            )
        self._linked[key] = machine, linked
        return linked
