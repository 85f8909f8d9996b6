"""The environment of the report workflow's function; imported by the stacks at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment


@dataclass(frozen=True, slots=True)
class TakeBatchEnvironment(Environment):
    """take_batch reads the report where its event says."""
