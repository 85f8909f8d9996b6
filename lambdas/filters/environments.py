"""The environment of the filters; imported by the stacks at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment, EventBusName


@dataclass(frozen=True, slots=True)
class FilterEnvironment(Environment):
    """A filter puts what it has filtered back onto the bus."""

    filter_bus: EventBusName
