"""The environment of each function of the micro-process batch; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment, QueueUrl, ServiceAddress, TableName


class ScoreLineEnvironment(Environment):
    """score_line asks the score service."""

    score_service: ServiceAddress


class CollectFailedEnvironment(Environment):
    """collect_failed reads and writes where its event says."""


class EnqueuePartEnvironment(Environment):
    """enqueue_part fills the queue."""

    work_queue: QueueUrl


class ScoreMessageEnvironment(Environment):
    """score_message asks the score service, records what it scored, and sends again what failed
    alone."""

    score_service: ServiceAddress
    parts_table: TableName
    jobs_table: TableName
    work_queue: QueueUrl
