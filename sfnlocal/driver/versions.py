"""The versions and aliases of a session's state machines: the template's, and those that the API
made.

A version is the state machine as it was when it was published. Which version an execution gets
that an alias starts is drawn by weight, from the session's seed and the execution's ARN.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-cd-aliasing-versioning.html
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from sfnlocal.template import App, StateMachine
from sfnlocal.template.versions import (
    Alias,
    no_version,
    stand_in,
    template_aliases,
    template_versions,
)


class Versions:
    def __init__(self, app: App, deployed_ms: int) -> None:
        self.versions = template_versions(app)
        self.aliases = template_aliases(app, deployed_ms)
        self._numbers: dict[str, int] = {}
        for version in self.versions.values():
            self._numbers[version.arn] = self._numbers.get(version.arn, 0) + 1

    def next_arn(self, state_machine_arn: str) -> str:
        """Numbers begin at 1 and are never given twice."""
        return f"{state_machine_arn}:{self._numbers.get(state_machine_arn, 0) + 1}"

    def put(self, version: StateMachine) -> None:
        self.versions[version.version_arn] = version
        self._numbers[version.arn] = int(version.version_arn.rpartition(":")[2])

    def get(self, arn: str) -> StateMachine | None:
        """By the ARN of a version or an alias; InputError for an alias that leads nowhere."""
        if arn in self.aliases:
            return stand_in(self.aliases[arn], self.versions)
        return self.versions.get(arn)

    def drawn(self, alias_arn: str, seed: str) -> StateMachine:
        """The version that an execution gets, with the alias's ARN. InputError where the app has
        no such version."""
        routes = self.aliases[alias_arn].routes
        (route,) = random.Random(seed).choices(routes, [route.weight for route in routes])
        if route.version_arn not in self.versions:
            raise no_version(alias_arn)
        return replace(self.versions[route.version_arn], alias_arn=alias_arn)

    def versions_of(self, state_machine_arn: str) -> list[StateMachine]:
        """In the order in which they were published."""
        return [one for one in self.versions.values() if one.arn == state_machine_arn]

    def aliases_of(self, state_machine_arn: str) -> Iterator[Alias]:
        """In the order in which they were created."""
        for alias in self.aliases.values():
            if alias.state_machine_arn == state_machine_arn:
                yield alias

    def remove_all(self, state_machine_arn: str) -> None:
        """The state machine is deleted: one of the same name begins at 1 again."""
        for alias in list(self.aliases_of(state_machine_arn)):
            del self.aliases[alias.arn]
        for version in self.versions_of(state_machine_arn):
            del self.versions[version.version_arn]
        self._numbers.pop(state_machine_arn, None)
