"""The environment of the function of TimedTasks; imported by the stack at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment


@dataclass(frozen=True, slots=True)
class CheckRequestEnvironment(Environment):
    """check_request calls nothing."""
