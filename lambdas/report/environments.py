"""The environment of the report workflow's function; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment


class TakeBatchEnvironment(Environment):
    """take_batch reads the report where its event says."""
