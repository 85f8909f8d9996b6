"""The environment of the function of TimedTasks; imported by the stack at synth."""

from __future__ import annotations

from lambdas.environment import Environment


class CheckRequestEnvironment(Environment):
    """check_request calls nothing."""
