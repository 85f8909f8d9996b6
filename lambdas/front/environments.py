"""The environment of the function that starts executions; imported by the stacks at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment, StateMachineArn


@dataclass(frozen=True, slots=True)
class StartExecutionEnvironment(Environment):
    """start_execution starts one machine."""

    state_machine: StateMachineArn
