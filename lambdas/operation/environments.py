"""The environment of each function of operations; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import BucketName, Environment, QueueUrl, StateMachineArn, TableName


class StartOperationEnvironment(Environment):
    """start_operation takes the client's key, writes the first status, leaves the operation in its
    queue, and estimates from the queue's depth and the machine's mean time."""

    operation_requests_table: TableName
    operation_queue: QueueUrl
    operation_files: BucketName
    operation_machine: StateMachineArn


class FormatPageEnvironment(Environment):
    """format_page calls nothing."""
