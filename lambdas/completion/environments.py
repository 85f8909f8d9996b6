"""The environment of the function that completes tasks; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment, QueueUrl, TableName


class CompleteTaskEnvironment(Environment):
    """complete_task answers task tokens, notes heartbeats, and puts aside what is no completion."""

    waiting_tasks_table: TableName
    bad_completions: QueueUrl
