"""The environment of the registry's functions; imported by the stacks at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment, TableName


@dataclass(frozen=True, slots=True)
class RegistryEnvironment(Environment):
    instances_table: TableName
