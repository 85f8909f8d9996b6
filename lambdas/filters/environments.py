"""The environment of the filters; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment, EventBusName


class FilterEnvironment(Environment):
    """A filter puts what it has filtered back onto the bus."""

    filter_bus: EventBusName
