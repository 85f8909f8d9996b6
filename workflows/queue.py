"""What every queue of this project is: encrypted by SQS, reachable over TLS only."""

from __future__ import annotations

import functools

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class Queue(sqs.Queue):
    """Knows without asking Node.js what others ask of it again and again. `dead` takes what was
    received `receives_max` times."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        retention_period: cdk.Duration,
        visibility_timeout: cdk.Duration | None = None,
        dead: Queue | None = None,
        receives_max: int = 0,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=retention_period,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=receives_max)
            if dead
            else None,
            removal_policy=removal_policy,
        )
        self.name = construct_id
        self.dead = dead

    @functools.cached_property
    def arn(self) -> str:
        return self.queue_arn

    @functools.cached_property
    def url(self) -> str:
        return self.queue_url

    @functools.cached_property
    def aws_name(self) -> str:
        """Known once it is deployed."""
        return self.queue_name
