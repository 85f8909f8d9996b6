"""The environment of the registry's functions; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment, TableName


class RegistryEnvironment(Environment):
    instances_table: TableName
