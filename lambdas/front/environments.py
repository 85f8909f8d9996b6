"""The environment of the function that starts executions; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment, StateMachineArn


class StartExecutionEnvironment(Environment):
    """start_execution starts one machine."""

    state_machine: StateMachineArn
