"""The environment of each function of operations; imported by the stacks at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import BucketName, Environment, QueueUrl, StateMachineArn, TableName


@dataclass(frozen=True, slots=True)
class StartOperationEnvironment(Environment):
    """start_operation takes the client's key, writes the first status, leaves the operation in its
    queue, and estimates from the queue's depth and the machine's mean time."""

    operation_requests_table: TableName
    operation_queue: QueueUrl
    operation_files: BucketName
    operation_machine: StateMachineArn


@dataclass(frozen=True, slots=True)
class FormatPageEnvironment(Environment):
    """format_page calls nothing."""
